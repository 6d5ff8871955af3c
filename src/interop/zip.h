/* The members of a zip archive that stores them without compression, where they lie in the archive's own bytes.
 *
 *     el_zip *zip;
 *     EL_TRY(el_zip_parse(&zip, map.data, map.size, path, err));
 *     const el_zip_member *m = el_zip_find(zip, "model/data.pkl");
 *     el_zip_close(zip);
 *
 * A reader of archives hands out copies; weights are used in place, so this one reads only the list of members (the
 * central directory, with the 64-bit records of large archives) and gives pointers. Format: PKWARE's APPNOTE, 4.3-4.5.
 * Checksums of members are not looked at: PyTorch can be told to leave them out. */
#ifndef EL_INTEROP_ZIP_H
#define EL_INTEROP_ZIP_H

#include <electra/types.h>

typedef struct el_zip_member {
    const char *name; /* as it stands in the archive; it is only ever compared, never used as a path */
    const unsigned char *data;
    size_t bytes;
} el_zip_member;

typedef struct el_zip el_zip;

/* true if the bytes begin as an archive does. */
bool el_zip_is(const void *data, size_t bytes);

/* Check the whole list. data must outlive the result; where: the file, for messages. ELECTRA_INVALID: damaged, a
 * member compressed or encrypted, two of one name, or two that share bytes. */
electra_status el_zip_parse(el_zip **out, const void *data, size_t bytes, const char *where, electra_error *err);
void el_zip_close(el_zip *zip); /* accepts NULL */

/* In ascending byte order of names. */
size_t el_zip_count(const el_zip *zip);
const el_zip_member *el_zip_at(const el_zip *zip, size_t i);
const el_zip_member *el_zip_find(const el_zip *zip, const char *name); /* NULL if there is none */

#endif

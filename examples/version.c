/* Is the library there, and which one is it? The smallest program there can be.
 *
 *     cc version.c $(pkg-config --cflags --libs electra) && ./a.out */
#include <electra/electra.h>
#include <stdio.h>

int main(void)
{
    printf("libelectra %s, headers %d.%d.%d\n", electra_version(), ELECTRA_VERSION_MAJOR, ELECTRA_VERSION_MINOR,
           ELECTRA_VERSION_PATCH);
    return 0;
}

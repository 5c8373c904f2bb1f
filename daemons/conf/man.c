/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a manual page when the project is built: conf-man mars-worker, conf-man mars.conf. */
#include <string.h>

#include "daemons/conf/conf.h"

static int print_page(const char *name) {
        if (strcmp(name, "mars.conf") == 0)
                return conf_manual_of_files(stdout);
        for (uint32_t k = 0; conf_tables[k]; k++)
                if (strcmp(conf_tables[k]->program, name) == 0)
                        return conf_manual(conf_tables[k], stdout);
        return ERROR_VALUE;
}

int main(int argc, char **argv) {
        int r = argc == 2 ? print_page(argv[1]) : ERROR_VALUE;

        if (r == 0 && fflush(stdout) != 0)
                r = -errno;
        if (r < 0)
                fprintf(stderr, "conf-man PAGE: %s\n", strerrordesc_np(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

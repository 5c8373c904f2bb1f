/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a manual page when the project is built: conf-man mars-worker, conf-man mars.conf. */
#include <string.h>

#include "daemons/conf.h"

int main(int argc, char **argv) {
        if (argc != 2) {
                fprintf(stderr, "usage: conf-man PAGE\n");
                return EXIT_FAILURE;
        }
        if (strcmp(argv[1], "mars.conf") == 0) {
                conf_manual_of_files(stdout);
                return EXIT_SUCCESS;
        }
        for (uint32_t k = 0; conf_tables[k]; k++)
                if (strcmp(conf_tables[k]->program, argv[1]) == 0) {
                        conf_manual(conf_tables[k], stdout);
                        return EXIT_SUCCESS;
                }
        fprintf(stderr, "conf-man: %s is no page\n", argv[1]);
        return EXIT_FAILURE;
}

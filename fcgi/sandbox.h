/*
 * sandbox.h - what the worker gives up for good before it reads what comes from outside: other
 * programs and processes, privileges, system calls of the kernel's own affairs, and files.
 */
#ifndef FCGI_SANDBOX_H
#define FCGI_SANDBOX_H

#include "text.h"

/*
 * Leaves read access to files, and write access to the files in the directories (absolute paths
 * or relative ones; absent ones are skipped).  What this kernel does not know is left out, and the
 * log says in one line what is in force.
 */
void sandbox_enter(const struct text *directories, size_t count);

#endif

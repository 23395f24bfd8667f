/* cgi.h - the application as a plain CGI program: one request a process (RFC 3875). */
#ifndef FCGI_CGI_H
#define FCGI_CGI_H

#include "app.h"

/*
 * Reads the request from the environment and standard input and writes the answer to standard
 * output.  env_file may be NULL.  A configuration that cannot be used is answered with 500 and
 * explained in the log.  Returns the exit code.
 */
int cgi_serve(const char *env_file, char *const *environment, const struct service *service);

/* Says whether it could serve, and on stderr why not.  Returns the exit code. */
int cgi_check(const char *env_file, char *const *environment, const struct service *service);

#endif

/* The smallest CGI program, dynamically linked: what agora.cgi is compared with. */
#include <stdio.h>

int
main(void)
{
	puts("Status: 200 OK\r\n\r\nhello");
	return 0;
}

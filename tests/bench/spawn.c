/*
 * What starting a program costs: `spawn COUNT A B` runs A and B in turn, as a web server runs a CGI
 * program, and prints the median milliseconds of each.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double
run(char *program)
{
	char *argv[] = { program, NULL };
	posix_spawn_file_actions_t actions;
	struct timespec began, ended;
	pid_t pid;
	int status;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	clock_gettime(CLOCK_MONOTONIC, &began);
	if (posix_spawn(&pid, program, &actions, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "%s failed\n", program);
		exit(1);
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	posix_spawn_file_actions_destroy(&actions);
	return (double)(ended.tv_sec - began.tv_sec) * 1e3 +
	    (double)(ended.tv_nsec - began.tv_nsec) / 1e6;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	long count = argc == 4 ? strtol(argv[1], NULL, 10) : 0;
	double *times[2];

	if (count <= 0)
		return 64;
	for (int k = 0; k < 2; k++) {
		times[k] = calloc((size_t)count, sizeof(double));
		if (times[k] == NULL)
			return 71;
	}
	for (long i = 0; i < count; i++)
		for (int k = 0; k < 2; k++)
			times[k][i] = run(argv[2 + k]);
	for (int k = 0; k < 2; k++) {
		qsort(times[k], (size_t)count, sizeof(double), ascending);
		printf("%.4f\n", times[k][count / 2]);
		free(times[k]);
	}
	return 0;
}

/*
 * Runs a harness over every file of the directories given, each in a process of its own; without
 * arguments over the corpus that bears the program's name: fuzz_token, tests/fuzz/corpus/token.
 */
#include <dirent.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX (1 << 20)

static unsigned passed, failed;

static int
run_file(const char *path)
{
	static uint8_t data[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (file == NULL) {
		perror(path);
		return 1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	return LLVMFuzzerTestOneInput(data, size);
}

static void
run_directory(const char *directory)
{
	DIR *files = opendir(directory);
	struct dirent *entry;

	if (files == NULL) {
		perror(directory);
		failed++;
		return;
	}
	while ((entry = readdir(files)) != NULL) {
		char path[4096];
		int status;
		pid_t child;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		child = fork();
		if (child == 0)
			exit(run_file(path));
		if (child > 0 && waitpid(child, &status, 0) == child && status == 0) {
			passed++;
			continue;
		}
		fprintf(stderr, "FAILED %s\n", path);
		failed++;
	}
	closedir(files);
}

int
main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "fuzz_"), *srcdir = getenv("srcdir");
	char corpus[4096];

	/* The last one: folders may be called so too. */
	for (const char *next = name; next != NULL; next = strstr(next + 1, "fuzz_"))
		name = next;
	if (argc == 1 && name != NULL) {
		snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s",
		    srcdir == NULL ? "." : srcdir, name + strlen("fuzz_"));
		run_directory(corpus);
	}
	for (int i = 1; i < argc; i++)
		run_directory(argv[i]);
	printf("%u passed, %u failed\n", passed, failed);
	/* An empty corpus proves nothing. */
	return failed > 0 || passed == 0;
}

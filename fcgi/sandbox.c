#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "sandbox.h"

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

/* Landlock's rights (ABI 3 and 5) that the oldest headers we build with do not name. */
#define RIGHT_TRUNCATE (1ULL << 14)
#define RIGHT_IOCTL_DEV (1ULL << 15)

#define WRITES                                                                                     \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |                          \
	    LANDLOCK_ACCESS_FS_MAKE_REG)
#define OTHERS                                                                                     \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                              \
	    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |                           \
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                          \
	    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* capabilities(7): for a worker that root started, files go by their owner from now on. */
static bool
drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3];
	static const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	/* Where there are none, the unit's filter may refuse the second call. */
	return (syscall(SYS_capget, &header, has) == 0 && memcmp(has, none, sizeof(has)) == 0) ||
	    syscall(SYS_capset, &header, none) == 0;
}

static void
allow_writing(int ruleset, struct text directory, unsigned long long rights)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights };

	if (directory.data == NULL)
		return;
	rule.parent_fd = open(directory.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

/* landlock(7). */
static bool
restrict_files(const struct text *directories, size_t count)
{
	const long abi =
	    syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	const unsigned long long writes = WRITES | (abi >= 3 ? RIGHT_TRUNCATE : 0);
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = writes | OTHERS | (abi >= 5 ? RIGHT_IOCTL_DEV : 0),
	};
	bool fine;
	int ruleset;

	if (abi < 1)
		return false;
	/* Only the member that every version has. */
	ruleset =
	    (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
	if (ruleset < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		allow_writing(ruleset, directories[i], writes);
	fine = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	close(ruleset);
	return fine;
}

#ifdef OUR_ARCH
/* Nothing here is of use to a server that only answers: what an intruder would go on with. */
static const int refused[] = {
	SYS_execve,
	SYS_execveat,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_setns,
	SYS_unshare,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_add_key,
	SYS_request_key,
	SYS_keyctl,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_open_by_handle_at,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_acct,
	SYS_quotactl,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_personality,
	SYS_setuid,
	SYS_setgid,
	SYS_setreuid,
	SYS_setregid,
	SYS_setresuid,
	SYS_setresgid,
	SYS_setgroups,
	SYS_capset,
	SYS_setdomainname,
	SYS_sethostname,
	SYS_syslog,
	SYS_move_pages,
	SYS_migrate_pages,
	SYS_mbind,
#ifdef SYS_fork
	SYS_fork,
	SYS_vfork,
	SYS_iopl,
	SYS_ioperm,
	SYS_kexec_file_load,
#endif
};
#define REFUSED (sizeof(refused) / sizeof(refused[0]))

#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define ANSWER(code) BPF_STMT(BPF_RET | BPF_K, code)
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, skip)
#define ERROR(number) ANSWER(SECCOMP_RET_ERRNO | (number))

/* seccomp(2). */
static bool
restrict_calls(void)
{
	static const struct sock_filter start[] = {
		LOAD(arch),
		UNLESS(OUR_ARCH, 1),
		BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
		ANSWER(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
#ifdef __x86_64__
		/* The x32 calls have numbers of their own. */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
		ERROR(ENOSYS),
#endif
		/* Where its flags cannot be read, libc takes clone. */
		UNLESS(SYS_clone3, 1),
		ERROR(ENOSYS),
		/* A thread, as libcurl has for names, but no process. */
		UNLESS(SYS_clone, 4),
		LOAD(args[0]),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
		ANSWER(SECCOMP_RET_ALLOW),
		ERROR(EPERM),
		UNLESS(SYS_socket, 8),
		LOAD(args[0]),
		UNLESS(AF_UNIX, 1),
		ANSWER(SECCOMP_RET_ALLOW),
		UNLESS(AF_INET, 1),
		ANSWER(SECCOMP_RET_ALLOW),
		UNLESS(AF_INET6, 1),
		ANSWER(SECCOMP_RET_ALLOW),
		/* libc asks netlink for this machine's addresses, and does without. */
		ERROR(EAFNOSUPPORT),
	};
	struct sock_filter filter[sizeof(start) / sizeof(start[0]) + 2 * REFUSED + 1];
	struct sock_fprog program = { 0, filter };
	size_t n = sizeof(start) / sizeof(start[0]);

	memcpy(filter, start, sizeof(start));
	for (size_t i = 0; i < REFUSED; i++) {
		filter[n++] = (struct sock_filter)UNLESS(refused[i], 1);
		filter[n++] = (struct sock_filter)ERROR(EPERM);
	}
	filter[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
	program.len = (unsigned short)n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
#else
static bool
restrict_calls(void)
{
	return false;
}
#endif

void
sandbox_enter(const struct text *directories, size_t count)
{
	const bool locked = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	const bool files = locked && restrict_files(directories, count);
	const bool powerless = drop_capabilities();
	const int problem = errno;
	const bool calls = locked && restrict_calls();

	if (!powerless)
		log_line(
		    LOG_LEVEL_WARNING, "sandbox: capabilities are kept: %s", strerror(problem));
	log_line(files && calls ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
	    "sandbox: files %s, system calls %s",
	    files ? "can only be read, but for logs and keys" : "are not restricted (no landlock)",
	    calls ? "are filtered" : "are not restricted (no seccomp)");
}

// Preloaded into User-Mode Linux on a CPU with AMX, which makes the extended state (XSAVE) of a
// process longer than 8 KiB.
//
// Up to Linux 6.12, User-Mode Linux saves and restores 2696 bytes, and since Linux 5.16
// PTRACE_SETREGSET rejects a state that is not complete. Later kernels save all of it in a
// signal frame, without AT_MINSIGSTKSZ, so that the frame overflows the alternate stack of a
// Rust thread. So this function shows the kernel the state without AMX and completes it. AMX is
// not in use: a process would have to request it with arch_prctl(ARCH_REQ_XCOMP_PERM).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <string.h>
#include <sys/uio.h>

enum { GETREGSET = 0x4204, SETREGSET = 0x4205 }; // as in linux/ptrace.h
enum { WITHOUT_AMX = 2696 };

long ptrace(int request, int pid, void *address, void *data)
{
	static long (*next)(int, int, void *, void *);
	static char state[1 << 16]; // not on the stack, because a kernel's stack is small
	static size_t size; // User-Mode Linux gets a state before it sets one
	struct iovec whole = { state, sizeof state }, *part = data;
	long result;

	if (!next)
		next = (long (*)(int, int, void *, void *))dlsym(RTLD_NEXT, "ptrace");
	if (address != (void *)NT_X86_XSTATE || (request != GETREGSET && request != SETREGSET))
		return next(request, pid, address, data);
	if (request == SETREGSET) {
		memcpy(state, part->iov_base, part->iov_len);
		whole.iov_len = size;
		return next(request, pid, address, &whole);
	}
	result = next(request, pid, address, &whole);
	if (result == 0) {
		size = whole.iov_len;
		if (part->iov_len > WITHOUT_AMX)
			part->iov_len = WITHOUT_AMX;
		memcpy(part->iov_base, state, part->iov_len);
	}
	return result;
}

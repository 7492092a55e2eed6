// Preloaded into User-Mode Linux on a CPU with AMX.
//
// Up to Linux 6.12, User-Mode Linux saves and restores 2696 bytes of extended state (XSAVE)
// per process. AMX makes the state longer, and since Linux 5.16 PTRACE_SETREGSET rejects a
// state that is not complete. So this function completes it. The remaining bytes are those of
// AMX, whose state is not in use: a process would have to request it with
// arch_prctl(ARCH_REQ_XCOMP_PERM).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <string.h>
#include <sys/uio.h>

enum { GETREGSET = 0x4204, SETREGSET = 0x4205 }; // as in linux/ptrace.h

long ptrace(int request, int pid, void *address, void *data)
{
	static long (*next)(int, int, void *, void *);
	static char state[1 << 16]; // not on the stack, because a kernel's stack is small
	static size_t size;
	struct iovec whole = { state, sizeof state }, *part = data;
	long result;

	if (!next)
		next = (long (*)(int, int, void *, void *))dlsym(RTLD_NEXT, "ptrace");
	if (address != (void *)NT_X86_XSTATE || (request != GETREGSET && request != SETREGSET))
		return next(request, pid, address, data);
	if (request == SETREGSET) {
		if (size <= part->iov_len)
			return next(request, pid, address, data);
		memcpy(state, part->iov_base, part->iov_len);
		whole.iov_len = size;
		return next(request, pid, address, &whole);
	}
	result = next(request, pid, address, &whole);
	if (result == 0) {
		size = whole.iov_len;
		if (part->iov_len > size)
			part->iov_len = size;
		memcpy(part->iov_base, state, part->iov_len);
	}
	return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions of C++, for c_calls.py. */
typedef void callback(void);

static volatile int calls;

struct Guard {
	callback *call;

	~Guard() { if (call) call(); calls++; }
};

__attribute__((noinline)) static void
thrower(int depth, callback *call)
{
	Guard guard = { depth == 1 ? call : nullptr };

	if (!depth)
		throw depth;
	thrower(depth - 1, call);
	calls++;
}

/* Calls while an exception is handled. */
extern "C" void
catches(callback *call)
{
	try {
		thrower(5, nullptr);
	} catch (int) {
		call();
		calls++;
	}
}

/* Calls while one is in flight, from a destructor. */
extern "C" void
unwinds(callback *call)
{
	try {
		thrower(5, call);
	} catch (int) {
		calls++;
	}
}

extern "C" void
throws(int depth)
{
	try {
		thrower(depth, nullptr);
	} catch (int) {
		calls++;
	}
}

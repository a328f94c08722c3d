/* SPDX-License-Identifier: Apache-2.0 */
/* Names of secrets; see secrets.h.  This is the list. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "values/secrets.h"

/* Anywhere in a name, whatever its case and with what joins words left out. */
static const char *const words[] = {
	"password", "passwd", "passphrase", "passcode", "pwd", "secret", "token", "credential",
	"cookie", "authorization", "authheader", "bearer", "apikey", "accesskey", "privatekey",
	"privkey", "sessionid", "csrf", "xsrf", "jwt",
};

/* As a whole word, or at the end of several. */
static const char *const last_words[] = { "pass", "pw", "creds", "auth", "pin", "otp", "salt" };

/* At the end, after another word: keys of dictionaries are called `key`. */
static const char *const last_of_several[] = { "key", "keys" };

enum { MOST = 64 };

/* The name in lower case without '_', '-', '.' and blanks; starts[i]: a word begins there. */
static void
plain_name(const char *name, char plain[MOST + 1], char starts[MOST + 1])
{
	size_t n = 0;
	int begins = 1, lower = 0;

	for (; *name && n < MOST; name++) {
		int upper = *name >= 'A' && *name <= 'Z';

		if (strchr("_-. ", *name)) {
			begins = 1;
			continue;
		}
		starts[n] = (char)(begins || (upper && lower));
		plain[n++] = (char)(upper ? *name - 'A' + 'a' : *name);
		begins = 0;
		lower = !upper;
	}
	plain[n] = 0;
}

/* Where the name ends with that word; NULL: it does not. */
static const char *
ends_with(const char *plain, const char *starts, const char *word)
{
	size_t n = strlen(plain), len = strlen(word);

	return n >= len && starts[n - len] && !strcmp(plain + n - len, word) ? plain + n - len : NULL;
}

int
secrets_is_named(const char *name)
{
	char plain[MOST + 1], starts[MOST + 1] = { 0 };

	plain_name(name, plain, starts);
	for (size_t i = 0; i < LEN(words); i++)
		if (text_find(plain, words[i]))
			return 1;
	for (size_t i = 0; i < LEN(last_words); i++)
		if (ends_with(plain, starts, last_words[i]))
			return 1;
	for (size_t i = 0; i < LEN(last_of_several); i++) {
		const char *at = ends_with(plain, starts, last_of_several[i]);

		if (at && at > plain)
			return 1;
	}
	return 0;
}

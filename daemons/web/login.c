/* SPDX-License-Identifier: Apache-2.0 */
/* How browsers come in. Somebody shows the token once, or opens a link that works once; from then on the browser has a
 * cookie. The cookie is no token: it says until when it holds, and is proven with the token (token_prove()), so that we
 * keep no list, and it outlives us. It is told to no script, and to no other site.
 *
 * The code of a link is behind a #, which browsers keep to themselves: it is in no log and in no Referer, and who
 * merely looks at links does not use it up. The page changes it for the cookie.
 *
 * A cluster has one token. We look for it as clients do, or have it from the last who has shown a good one. Those of
 * users are derived from it, and so the cookie of a user says who it is: UNTIL.USER.PROOF instead of UNTIL.PROOF. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "daemons/web/api.h"

enum {
        COOKIE_SECONDS = 30 * 24 * 3600,
        LINK_SECONDS   = 3600,
        COOKIE_MAX     = 256,
};

static uint64_t now_seconds(void) {
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t) t.tv_sec;
}

/* Cookies know hosts, but no ports: several of us on one machine must not take each other's. */
static void cookie_name(const Web *web, char ret[static COOKIE_MAX]) {
        snprintf(ret, COOKIE_MAX, "mars-%s", web->port);
}

/* The token that cookies are proven with, or NULL. */
static const char *known_token(Web *web) {
        _cleanup_(freep) char *found = NULL;
        Error err                    = {};

        if (!web->token[0] && token_find(&found, NULL, &err) == 0 && found)
                snprintf(web->token, sizeof(web->token), "%s", found);
        if (found)
                explicit_bzero(found, strlen(found));
        return web->token[0] ? web->token : NULL;
}

/* The user's, or for "" that of the cluster itself. */
static int token_for(Web *web, const char *user, char ret[static TOKEN_MAX], Error *err) {
        const char *token = known_token(web);

        if (!token)
                return error_set(err, -ENOKEY,
                                 "mars-web does not know the token of the cluster, with which it would "
                                 "prove who you are later: whoever has it signs in once");
        if (user[0])
                return token_of_user(ret, token, user, err);
        snprintf(ret, TOKEN_MAX, "%s", token);
        return 0;
}

static int prove(char ret[static TOKEN_PROOF_MAX], const Web *web, const char *token, uint64_t until, Error *err) {
        char text[COOKIE_MAX];

        snprintf(text, sizeof(text), "cookie of %s until %" PRIu64, web->port, until);
        return token_prove(ret, token, text, err);
}

bool login_token(const Request *request, char ret[static TOKEN_MAX]) {
        Web *web = request->web;
        char name[COOKIE_MAX], user[TOKEN_USER_MAX] = "", proof[TOKEN_PROOF_MAX], *dot;
        const char *value, *said;
        uint64_t until;
        Error err = {};

        cookie_name(web, name);
        value = MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, name);
        if (!value)
                return false;
        until = strtoull(value, &dot, 10);
        if (*dot != '.' || until < now_seconds())
                return false;
        said = strrchr(value, '.');
        if (said - dot > TOKEN_USER_MAX)
                return false;
        if (said > dot)
                snprintf(user, sizeof(user), "%.*s", (int) (said - dot - 1), dot + 1);
        return token_for(web, user, ret, &err) == 0 && prove(proof, web, ret, until, &err) == 0 &&
               token_same(proof, said + 1);
}

static void answer_cookie(Request *request, const char *user) {
        Web *web             = request->web;
        const uint64_t until = now_seconds() + COOKIE_SECONDS;
        char name[COOKIE_MAX], proof[TOKEN_PROOF_MAX], cookie[2 * COOKIE_MAX + TOKEN_PROOF_MAX], token[TOKEN_MAX];
        struct MHD_Response *response;
        Error err = {};

        if (token_for(web, user, token, &err) < 0 || prove(proof, web, token, until, &err) < 0) {
                request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "%s", err.text);
                return;
        }
        cookie_name(web, name);
        /* Without Path= it goes to what is beside the login, wherever a proxy has put that: to the API alone. */
        snprintf(cookie, sizeof(cookie), "%s=%" PRIu64 ".%s%s%s; Max-Age=%d; HttpOnly; SameSite=Strict%s", name, until,
                 user, user[0] ? "." : "", proof, COOKIE_SECONDS, web->config.https ? "; Secure" : "");
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        if (response)
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_SET_COOKIE, cookie);
        request_respond(request, MHD_HTTP_NO_CONTENT, response);
}

static void remember_token(Web *web, const char *token, const char *user) {
        if (!user[0])
                snprintf(web->token, sizeof(web->token), "%s", token);
}

void api_login(Request *request) {
        remember_token(request->web, request->token, request->user);
        answer_cookie(request, request->user);
}

/* The code is the body. */
void api_enter(Request *request) {
        Web *web         = request->web;
        const char *code = request->body ? (const char *) request->body : "";

        if (!token_same(web->code, code) || now_seconds() > web->code_until) {
                request_refuse(request, MHD_HTTP_UNAUTHORIZED,
                               "the link has been used, or is too old: marsctl web prints another one");
                return;
        }
        explicit_bzero(web->code, sizeof(web->code));
        answer_cookie(request, web->code_user);
}

int login_link(Web *web, const char *token, const char *user, char ret[static LOGIN_LINK_MAX]) {
        uint8_t random[(LOGIN_CODE_MAX - 1) / 2];

        if (token)
                remember_token(web, token, user);
        if (!known_token(web))
                return LOGIN_NO_TOKEN;
        if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random))
                return -EIO;
        for (size_t k = 0; k < sizeof(random); k++)
                snprintf(web->code + 2 * k, 3, "%02x", random[k]);
        snprintf(web->code_user, sizeof(web->code_user), "%s", user);
        web->code_until = now_seconds() + LINK_SECONDS;
        snprintf(ret, LOGIN_LINK_MAX, "%s://%s/#/login/%s", web->config.https ? "https" : "http", web->host,
                 web->code);
        return 0;
}

void api_link(Request *request) {
        char link[LOGIN_LINK_MAX], text[LOGIN_LINK_MAX + sizeof("{\"link\": \"\"}\n")];

        switch (login_link(request->web, request->token, request->user, link)) {
        case 0:
                break;
        case LOGIN_NO_TOKEN:
                request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                               "mars-web does not know the token of the cluster: whoever has it signs in once");
                return;
        default:
                request_refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "there are no random numbers");
                return;
        }
        snprintf(text, sizeof(text), "{\"link\": \"%s\"}\n", link);
        request_json(request, text);
}

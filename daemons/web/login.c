/* SPDX-License-Identifier: Apache-2.0 */
/* How browsers come in. Somebody shows the token once, or opens a link that works once; from then on the browser has a
 * cookie. The cookie is no token: it says until when it holds, and is proven with the token (token_prove()), so that we
 * keep no list, and it outlives us. It is told to no script, and to no other site.
 *
 * The code of a link is behind a #, which browsers keep to themselves: it is in no log and in no Referer, and who
 * merely looks at links does not use it up. The page changes it for the cookie.
 *
 * A cluster has one token. We look for it as clients do, or have it from the last who has shown a good one. */
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

static int prove(char ret[static TOKEN_PROOF_MAX], const Web *web, const char *token, uint64_t until, Error *err) {
        char text[COOKIE_MAX];

        snprintf(text, sizeof(text), "cookie of %s until %" PRIu64, web->port, until);
        return token_prove(ret, token, text, err);
}

const char *login_token(const Request *request) {
        Web *web          = request->web;
        const char *token = known_token(web), *value;
        char name[COOKIE_MAX], proof[TOKEN_PROOF_MAX], *dot;
        uint64_t until;
        Error err = {};

        cookie_name(web, name);
        value = MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, name);
        if (!token || !value)
                return NULL;
        until = strtoull(value, &dot, 10);
        if (*dot != '.' || until < now_seconds() || prove(proof, web, token, until, &err) < 0)
                return NULL;
        return token_same(proof, dot + 1) ? token : NULL;
}

static void answer_cookie(Request *request, const char *token) {
        const Web *web       = request->web;
        const uint64_t until = now_seconds() + COOKIE_SECONDS;
        char name[COOKIE_MAX], proof[TOKEN_PROOF_MAX], cookie[2 * COOKIE_MAX + TOKEN_PROOF_MAX];
        struct MHD_Response *response;
        Error err = {};

        if (prove(proof, web, token, until, &err) < 0) {
                request_refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "%s", err.text);
                return;
        }
        cookie_name(web, name);
        /* Without Path= it goes to what is beside the login, wherever a proxy has put that: to the API alone. */
        snprintf(cookie, sizeof(cookie), "%s=%" PRIu64 ".%s; Max-Age=%d; HttpOnly; SameSite=Strict%s", name, until,
                 proof, COOKIE_SECONDS, web->config.https ? "; Secure" : "");
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        if (response)
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_SET_COOKIE, cookie);
        request_respond(request, MHD_HTTP_NO_CONTENT, response);
}

static void remember_token(Web *web, const char *token) {
        snprintf(web->token, sizeof(web->token), "%s", token);
}

void api_login(Request *request) {
        remember_token(request->web, request->token);
        answer_cookie(request, request->token);
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
        answer_cookie(request, web->token);
}

int login_link(Web *web, const char *token, char ret[static LOGIN_LINK_MAX]) {
        uint8_t random[(LOGIN_CODE_MAX - 1) / 2];

        if (token)
                remember_token(web, token);
        if (!known_token(web))
                return LOGIN_NO_TOKEN;
        if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random))
                return -EIO;
        for (size_t k = 0; k < sizeof(random); k++)
                snprintf(web->code + 2 * k, 3, "%02x", random[k]);
        web->code_until = now_seconds() + LINK_SECONDS;
        snprintf(ret, LOGIN_LINK_MAX, "%s://%s/#/login/%s", web->config.https ? "https" : "http", web->host,
                 web->code);
        return 0;
}

void api_link(Request *request) {
        char link[LOGIN_LINK_MAX], text[LOGIN_LINK_MAX + sizeof("{\"link\": \"\"}\n")];

        if (login_link(request->web, request->token, link) < 0) {
                request_refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "there are no random numbers");
                return;
        }
        snprintf(text, sizeof(text), "{\"link\": \"%s\"}\n", link);
        request_json(request, text);
}

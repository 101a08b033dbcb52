"""A mail server that takes mail by STARTTLS from one user, and prints what it takes: certificate and key, user and password."""

import asyncio
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Taker:
    async def handle_DATA(self, server, session, envelope):
        print("FROM", envelope.mail_from, flush=True)
        print("TO", *envelope.rcpt_tos, flush=True)
        for line in envelope.content.decode("utf-8").splitlines():
            print("|" + line, flush=True)
        print("END", flush=True)
        return "250 taken"


async def main(certificate, key, user, password):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    wanted = LoginPassword(user.encode(), password.encode())

    def knows(server, session, envelope, mechanism, given):
        return AuthResult(success=given == wanted)

    def talk():
        return SMTP(
            Taker(),
            hostname="mail.test",
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=knows,
        )

    server = await asyncio.get_running_loop().create_server(talk, "127.0.0.1", 0)
    print("PORT", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))

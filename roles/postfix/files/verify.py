#!/usr/bin/python3
"""Tries Postfix as its clients, other servers and those up to no good would. Prints what is wrong; exits 0 when all is as it should be.

  verify.py facts      what is offered, taken and refused on each port of this host
  verify.py send       a message to each host of the group, as the login care-verify; prints its id
  verify.py receive    the messages that the hosts have sent: signed, judged and delivered

Settings come as one JSON object on standard input, passwords among them.
"""
import base64
import email
import email.message
import email.policy
import email.utils
import glob
import json
import os
import re
import smtplib
import socket
import ssl
import subprocess
import sys
import time
import uuid

SECONDS = 20
problems = []


def wrong(text):
    problems.append(text)


def brief(answer):
    code, text = answer
    return "%d %s" % (code, text.decode("utf-8", "replace").replace("\n", " ")[:160])


class Client(smtplib.SMTP):
    """A session with this host by its own address, as seen from outside: loopback may relay."""

    def __init__(self, settings, port, hello=None):
        super().__init__(timeout=SECONDS)
        self.name = settings["hostname"]
        self.hello = hello or settings["hostname"]
        self._host = self.name
        code, text = self.connect(settings["address"], port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        self.ehlo(self.hello)

    def secure(self, context):
        self._host = self.name
        self.starttls(context=context)
        self.ehlo(self.hello)

    def envelope(self, sender, recipient):
        """The first answer that is not yes, or the last one."""
        answer = self.docmd("MAIL", "FROM:" + sender)
        if answer[0] == 250:
            answer = self.docmd("RCPT", "TO:" + recipient)
        self.docmd("RSET")
        return answer


def trusted(settings):
    context = ssl.create_default_context(cafile=settings["ca"])
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def plain(user, password):
    return base64.b64encode(("\0%s\0%s" % (user, password)).encode()).decode()


def expect(what, answer, *codes):
    """An answer has one of the codes."""
    if answer[0] not in codes:
        wrong("%s: %s, expected %s" % (what, brief(answer), " or ".join(map(str, codes))))


def expect_refused(what, answer):
    """Refused for good, not for now."""
    if not 500 <= answer[0] <= 599:
        wrong("%s is not refused: %s" % (what, brief(answer)))


# --- port 25 ---------------------------------------------------------------------------------------------------------------------

def check_relay(settings):
    """Every way to write an address elsewhere, for nobody who has logged in."""
    domain, host = settings["domain"], settings["hostname"]
    elsewhere = "victim@elsewhere.example"
    # A sender that nothing else is wrong with.
    for sender in ("<postmaster@%s>" % host, "<>"):
        for recipient in (
            "<%s>" % elsewhere,
            "<victim%%elsewhere.example@%s>" % domain,
            "<victim%%elsewhere.example@%s>" % host,
            '<"victim@elsewhere.example"@%s>' % domain,
            "<victim@elsewhere.example@%s>" % domain,
            "<@%s:%s>" % (domain, elsewhere),
            "<@%s,@elsewhere.example:%s>" % (host, elsewhere),
            "<elsewhere.example!victim@%s>" % domain,
            "<elsewhere.example!victim>",
            "<victim%elsewhere.example>",
            '<"victim%%elsewhere.example"@[%s]>' % settings["address"],
            "<victim@[127.0.0.1]>",
        ):
            client = Client(settings, 25)
            try:
                expect_refused("relaying from %s to %s" % (sender, recipient), client.envelope(sender, recipient))
            finally:
                client.close()


def check_offers(settings):
    client = Client(settings, 25)
    if client.has_extn("auth"):
        wrong("port 25 offers AUTH in the clear")
    for word in ("chunking", "vrfy"):
        if client.has_extn(word):
            wrong("port 25 offers %s" % word.upper())
    expect_refused("AUTH on port 25", client.docmd("AUTH", "PLAIN " + plain("care-verify", "x")))
    expect_refused("VRFY", client.docmd("VRFY", "root"))
    if not client.has_extn("starttls"):
        wrong("port 25 does not offer STARTTLS")
    client.secure(trusted(settings))
    if client.has_extn("auth"):
        wrong("port 25 offers AUTH within TLS")
    client.close()
    silent = smtplib.SMTP(timeout=SECONDS)
    silent.connect(settings["address"], 25)
    expect_refused("MAIL without EHLO", silent.docmd("MAIL", "FROM:<postmaster@%s>" % settings["hostname"]))
    silent.close()


def check_addresses(settings):
    client = Client(settings, 25)
    expect("mail for postmaster", client.envelope("<>", "<postmaster@%s>" % settings["domain"]), 250)
    expect("mail for abuse", client.envelope("<>", "<abuse@%s>" % settings["domain"]), 250)
    expect("mail for an address that is not there", client.envelope("<>", "<no-such-address@%s>" % settings["domain"]), 550)
    expect_refused("a sender without a domain", client.envelope("<stranger>", "<postmaster@%s>" % settings["domain"]))
    for sender in settings["owned"]:
        expect_refused("%s by somebody who has not logged in" % sender, client.envelope("<%s>" % sender, "<postmaster@%s>" % settings["domain"]))
    client.close()


def rest(client):
    """All that the server still says; it is silent for two seconds, or hangs up."""
    client.sock.settimeout(2)
    said = b""
    try:
        while True:
            more = client.sock.recv(4096)
            if not more:
                break
            said += more
    except (socket.timeout, ConnectionError):
        pass
    client.close()
    return said


def raw(settings, text, port=25):
    """Sends bytes as they are behind DATA; the answers to them until the server has no more to say."""
    client = Client(settings, port)
    domain = settings["domain"]
    client.docmd("MAIL", "FROM:<>")
    client.docmd("RCPT", "TO:<postmaster@%s>" % domain)
    answer = client.docmd("DATA")
    if answer[0] != 354:
        client.close()
        return [brief(answer)]
    client.sock.sendall(text)
    said = rest(client)
    return said.decode("utf-8", "replace").split("\r\n")


def check_smuggling(settings):
    """CVE-2023-51764: an end of data that others do not take for one, with a second message behind it."""
    inner = b"MAIL FROM:<>\r\nRCPT TO:<postmaster@%s>\r\nDATA\r\n" % settings["domain"].encode()
    for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r"):
        said = raw(settings, b"Subject: outer\r\n\r\nouter" + end + inner)
        if any(line.startswith(("250", "354")) for line in said):
            wrong("%r ends a message: %s" % (end, said[:3]))


def check_pipelining(settings):
    """Commands sent before the answers that they hang on."""
    client = Client(settings, 25)
    client.sock.sendall(b"MAIL FROM:<>\r\nRCPT TO:<postmaster@%s>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nMAIL FROM:<>\r\n" % settings["domain"].encode())
    said = rest(client)
    if b"queued as" in said:
        wrong("a message that was sent without waiting for DATA's answer is taken")


def check_forged_author(settings):
    """DMARC with p=reject, for our own domain: a message that says it is from us, neither signed nor from an aligned sender."""
    if settings["dmarc"] != "reject" or not settings["enforce"]:
        return
    client = Client(settings, 25)
    own = settings["domain"].encode()
    client.docmd("MAIL", "FROM:<>")
    expect("RCPT of a message from outside", client.docmd("RCPT", "TO:<postmaster@%s>" % settings["domain"]), 250)
    client.docmd("DATA")
    client.send(b"From: postmaster@%s\r\nTo: postmaster@%s\r\nSubject: forged\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\n\r\nforged\r\n.\r\n" % (
        own, own, email.utils.formatdate().encode(), uuid.uuid4().hex.encode(), own))
    answer = client.getreply()
    expect_refused("a forged From: of our domain", answer)
    if b"DMARC" not in answer[1]:
        wrong("a forged From: of our domain is refused, but not for DMARC: %s" % brief(answer))
    client.close()


# --- submission ------------------------------------------------------------------------------------------------------------------

def check_submission(settings):
    client = Client(settings, 587)
    if client.has_extn("auth"):
        wrong("port 587 offers AUTH before STARTTLS")
    answer = client.docmd("AUTH", "PLAIN " + plain("care-verify", settings["password"]))
    if answer[0] // 100 == 2:
        wrong("port 587 takes a password in the clear")
    expect("MAIL on port 587 before STARTTLS", client.docmd("MAIL", "FROM:<%s>" % settings["sender"]), 530)
    client.secure(trusted(settings))
    if not client.has_extn("auth"):
        wrong("port 587 does not offer AUTH within TLS")
    expect_refused("submission without a login", client.envelope("<%s>" % settings["sender"], "<victim@elsewhere.example>"))
    expect("a wrong password", client.docmd("AUTH", "PLAIN " + plain("care-verify", "not-" + settings["password"])), 535)
    client.close()


def login(settings, port):
    context = trusted(settings)
    if port == 465:
        client = smtplib.SMTP_SSL(timeout=SECONDS, context=context)
        client._host = settings["submission_name"]
        client.connect(settings["address"], port)
        client.ehlo(settings["hostname"])
    else:
        client = Client(settings, port)
        client.secure(context)
    client.login("care-verify", settings["password"])
    return client


def check_login(settings):
    client = login(settings, 587)
    own = "<postmaster@%s>" % settings["domain"]

    def envelope(sender):
        answer = client.docmd("MAIL", "FROM:" + sender)
        if answer[0] == 250:
            answer = client.docmd("RCPT", "TO:" + own)
        client.docmd("RSET")
        return answer

    expect("its own sender", envelope("<%s>" % settings["sender"]), 250)
    for sender in settings["owned"] + ["postmaster@" + settings["domain"], "anybody@elsewhere.example"]:
        expect_refused("login care-verify as %s" % sender, envelope("<%s>" % sender))
    expect_refused("the null sender", envelope("<>"))
    # In From: as well.
    client.docmd("MAIL", "FROM:<%s>" % settings["sender"])
    client.docmd("RCPT", "TO:" + own)
    client.docmd("DATA")
    client.send(b"From: postmaster@%s\r\nTo: postmaster@%s\r\nSubject: forged\r\n\r\nforged\r\n.\r\n" % (settings["domain"].encode(), settings["domain"].encode()))
    expect_refused("a From: that is not the sender of the login", client.getreply())
    client.close()
    login(settings, 465).close()


def check_tls(settings):
    """TLS 1.0 and 1.1 get no handshake, on any port; a CA that is not ours verifies nothing."""
    for port, words in ((25, ["-starttls", "smtp"]), (587, ["-starttls", "smtp"]), (465, [])):
        at = ["openssl", "s_client", "-connect", "%s:%d" % (settings["address"], port), "-verify_hostname", settings["hostname"], "-CAfile", settings["ca"], "-verify_return_error"] + words
        for version, wanted in (("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
            # Otherwise OpenSSL itself would not try the old ones.
            more = ["-cipher", "DEFAULT:@SECLEVEL=0"] if not wanted else []
            got = subprocess.run(at + [version] + more, input=b"QUIT\r\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
            if (got.returncode == 0) != wanted:
                wrong("port %d with %s: %s" % (port, version, "a handshake" if not wanted else got.stdout.decode("utf-8", "replace")[-300:]))
        weak = subprocess.run(at + ["-tls1_2", "-cipher", "kRSA:aNULL:3DES:RC4:@SECLEVEL=0"], input=b"QUIT\r\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        if weak.returncode == 0:
            wrong("port %d takes a weak cipher" % port)


# --- from host to host -----------------------------------------------------------------------------------------------------------

def send(settings):
    identity = uuid.uuid4().hex
    client = login(settings, 587)
    for peer in settings["peers"]:
        message = email.message.EmailMessage()
        message["From"] = "CARE verify <%s>" % settings["sender"]
        message["To"] = "care-verify@" + peer
        message["Subject"] = "verify %s" % identity
        message["Date"] = email.utils.formatdate()
        message["Message-ID"] = "<%s.%s@%s>" % (identity, peer, settings["domain"])
        message["X-Sent"] = "%.3f" % time.time()
        message.set_content("A message of verify: नमस्ते.\n.\nA line with a lone dot stands above.\n", cte="8bit")
        refused = client.send_message(message, settings["sender"], ["care-verify@" + peer])
        if refused:
            wrong("%s: %s" % (peer, refused))
    client.quit()
    if not problems:
        print(identity)


def answers(settings, name):
    """The TXT records of a name, by another program than any that made or judged them."""
    servers = ["@" + s for s in settings["nameservers"]] or [None]
    for server in servers:
        got = subprocess.run(["dig", "+short", "+time=3", "+tries=2"] + ([server] if server else []) + ["TXT", name], stdout=subprocess.PIPE, timeout=60)
        lines = [l for l in got.stdout.decode().splitlines() if l.startswith('"')]
        if lines:
            return ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', l)) for l in lines]
    return []


def judge(settings, text, source):
    import dkim

    def lookup(name, timeout=5):
        found = answers(settings, (name.decode() if isinstance(name, bytes) else name).rstrip("."))
        return found[0].encode() if found else None

    message = email.message_from_bytes(text, policy=email.policy.default)
    what = "the message of %s" % source["name"]
    signatures = [s for s in message.get_all("DKIM-Signature", []) if re.search(r"\bd=%s;" % re.escape(settings["domain"]), re.sub(r"\s", "", s) + ";")]
    if not signatures:
        wrong("%s has no DKIM signature of %s" % (what, settings["domain"]))
    elif not any("s=%s;" % source["selector"] in re.sub(r"\s", "", s) + ";" for s in signatures):
        wrong("%s is not signed by %s: %s" % (what, source["selector"], signatures[0][:200]))
    elif not dkim.verify(text, dnsfunc=lookup):
        wrong("the DKIM signature of %s does not verify against the DNS" % what)
    received = message.get_all("Received", [])
    if any("ESMTPSA" in r for r in received):
        wrong("%s tells where it was submitted from" % what)
    if source["hostname"] != settings["hostname"]:
        results = " ".join(message.get_all("Authentication-Results", []))
        for word in ("dkim=pass", "spf=pass", "dmarc=pass"):
            if word not in results:
                wrong("%s: no %s in Authentication-Results: %s" % (what, word, results[:400] or "there is none"))
        if not received or "ESMTPS" not in received[0]:
            wrong("%s came without TLS: %s" % (what, received[:1]))


def receive(settings):
    # A host that this run does not touch has sent nothing.
    for source in (s for s in settings["sent"] if s["id"]):
        end = time.time() + settings["seconds"]
        path = None
        while path is None:
            for each in glob.glob("/var/lib/care-verify/Maildir/new/*"):
                with open(each, "rb") as file:
                    if ("Subject: verify %s" % source["id"]).encode() in file.read(20000):
                        path = each
            if path is None:
                if time.time() > end:
                    break
                time.sleep(0.3)
        if path is None:
            queue = subprocess.run(["postqueue", "-p"], stdout=subprocess.PIPE, timeout=60).stdout.decode("utf-8", "replace")
            wrong("the message of %s has not come in %d s; the queue here: %s" % (source["name"], settings["seconds"], queue[-400:]))
            continue
        with open(path, "rb") as file:
            text = file.read()
        os.unlink(path)
        judge(settings, text, source)


def main():
    settings = json.load(sys.stdin)
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    if what == "facts":
        for check in (check_offers, check_relay, check_addresses, check_smuggling, check_pipelining, check_submission, check_login, check_tls, check_forged_author):
            try:
                check(settings)
            except (OSError, smtplib.SMTPException, subprocess.TimeoutExpired) as cause:
                wrong("%s: %s: %s" % (check.__name__.replace("check_", ""), type(cause).__name__, cause))
    elif what in ("send", "receive"):
        try:
            {"send": send, "receive": receive}[what](settings)
        except (OSError, smtplib.SMTPException) as cause:
            wrong("%s: %s: %s" % (what, type(cause).__name__, cause))
    else:
        wrong("verify.py facts|send|receive")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


sys.exit(main())

"""A mail client for the drills, as CARE is one. Settings as JSON on standard input; prints what the server said, one JSON object.

host, port, starttls, user, password, hello; sender, recipients; message (text with \\n ends), or nothing: then only the envelope
"""
import json
import smtplib
import ssl
import sys
import time

settings = json.load(sys.stdin)
context = ssl.create_default_context(cafile="/etc/care-provision/pki/ca.crt")
start = time.time()
try:
    client = smtplib.SMTP(settings["host"], settings.get("port", 25), settings.get("hello", "mx.partner.test"), timeout=30)
    client.ehlo()
    if settings.get("starttls"):
        client.starttls(context=context)
        client.ehlo()
    if "user" in settings:
        client.login(settings["user"], settings["password"])
    answer = client.mail(settings["sender"])
    for recipient in settings["recipients"]:
        if answer[0] == 250:
            answer = client.rcpt(recipient)
    if answer[0] == 250 and "message" in settings:
        answer = client.data(settings["message"].replace("\n", "\r\n").encode())
    code, text = answer[0], answer[1].decode("utf-8", "replace")
except smtplib.SMTPResponseException as cause:
    code, text = cause.smtp_code, cause.smtp_error.decode("utf-8", "replace")
print(json.dumps({"code": code, "text": text, "seconds": round(time.time() - start, 2)}))

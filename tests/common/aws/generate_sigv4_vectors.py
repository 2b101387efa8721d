#!/usr/bin/env python3
"""Signs a fixed set of requests with botocore and prints them as JSON: samples/sigv4.json.

usage: python generate_sigv4_vectors.py > samples/sigv4.json   (needs `pip install botocore`; made with 1.44.5)
"""
import datetime
import json

import botocore.auth
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS_KEY = "AKIDEXAMPLE0000000AA"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime.datetime(2026, 11, 21, 12, 0, 0, tzinfo=datetime.timezone.utc)
JSON = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Kinesis_20131202.ListStreams"}

CASES = [
    # name, URL, headers, body, region, presigned, expires
    ("plain", "http://127.0.0.1:4566/", JSON, "{}", "us-east-1", False, 0),
    ("empty body", "http://localhost:4566/", JSON, "", "eu-central-1", False, 0),
    ("unusual region", "https://kinesis.example.com/", JSON, '{"Limit":1}', "localstack", False, 0),
    ("default port is not part of the host", "https://kinesis.example.com:443/", JSON, "{}", "us-east-1", False, 0),
    ("runs of spaces in a value", "http://localhost:4566/", {**JSON, "X-Note": "  a   b  c "}, "{}", "us-east-1", False, 0),
    ("session token", "http://localhost:4566/", {**JSON, "X-Amz-Security-Token": "token/+="}, "{}", "us-east-1", False, 0),
    ("path with segments", "http://localhost:4566/a/b/", JSON, "{}", "us-east-1", False, 0),
    ("path with encoded characters", "http://localhost:4566/a%20b/~c", JSON, "{}", "us-east-1", False, 0),
    ("path with dots", "http://localhost:4566/a/./b/../c", JSON, "{}", "us-east-1", False, 0),
    ("query", "http://localhost:4566/?b=2&a=1&a=0&c=", JSON, "{}", "us-east-1", False, 0),
    ("query with encoded characters", "http://localhost:4566/?k%20y=v%2Fw&a-b=%E2%82%AC", JSON, "{}", "us-east-1", False, 0),
    ("body of other bytes", "http://localhost:4566/", {**JSON, "Content-Type": "application/x-amz-cbor-1.1"}, "\u00bf\u20ac\u0001", "us-east-1", False, 0),
    ("presigned", "http://localhost:4566/", JSON, "{}", "us-east-1", True, 900),
    ("presigned for a week", "https://kinesis.example.com/", JSON, '{"Limit":1}', "eu-west-1", True, 604800),
    ("presigned with a query", "http://localhost:4566/?z=1&A=2&m=%2F", JSON, "{}", "us-east-1", True, 60),
]


def fix_time():
    """Botocore asks the clock for the time in one of two ways, by version."""
    if hasattr(botocore.auth, "get_current_datetime"):
        botocore.auth.get_current_datetime = lambda remove_tzinfo=True: (
            NOW.replace(tzinfo=None) if remove_tzinfo else NOW)
    else:
        class Fixed(datetime.datetime):
            @classmethod
            def utcnow(cls):
                return NOW.replace(tzinfo=None)
        botocore.auth.datetime.datetime = Fixed


def sign(name, url, headers, body, region, presigned, expires):
    credentials = Credentials(ACCESS_KEY, SECRET_KEY)
    token = headers.get("X-Amz-Security-Token")
    if token:
        credentials.token = token
        headers = {k: v for k, v in headers.items() if k != "X-Amz-Security-Token"}
    request = AWSRequest(method="POST", url=url, data=body.encode(), headers=dict(headers))
    if presigned:
        # Moves the body's members into the query and leaves an empty body.
        SigV4QueryAuth(credentials, "kinesis", region, expires=expires).add_auth(request)
    else:
        SigV4Auth(credentials, "kinesis", region).add_auth(request)
    prepared = request.prepare()
    scheme, rest = prepared.url.split("://", 1)
    host, _, target = rest.partition("/")
    host = host.removesuffix(":443") if scheme == "https" else host
    sent = {"Host": host}
    sent.update({k: v if isinstance(v, str) else v.decode() for k, v in prepared.headers.items()})
    return {"name": name, "method": "POST", "target": "/" + target, "headers": [list(i) for i in sent.items()],
            "body": (prepared.body or b"").decode(), "region": region, "presigned": presigned}


def main():
    fix_time()
    print(json.dumps({"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "now_ms": int(NOW.timestamp() * 1000),
                      "requests": [sign(*case) for case in CASES]}, indent=1))


if __name__ == "__main__":
    main()

"""Signature Version 4, against a server of its own with `--auth sigv4`: good, bad, presigned."""

import datetime
import hashlib
import json
import types
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

import kinesis
from server import Server

KEY, SECRET = "AKIAMILLRACETEST0001", "s3cret/with+chars=and/more0000000000000"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("auth")
    keys = folder / "keys.yaml"
    keys.write_text(f"- accessKeyId: {KEY}\n  secretAccessKey: {SECRET}\n"
                    "- accessKeyId: AKIAMILLRACETEST0002\n  secretAccessKey: other\n")
    keys.chmod(0o600)
    with Server(folder / "data", auth="sigv4", arguments=["--access-keys", str(keys)]) as server:
        yield server.endpoint


def client_of(endpoint, key=KEY, secret=SECRET):
    session = kinesis.boto3.session.Session(key, secret, region_name="us-east-1")
    config = kinesis.Config(retries={"mode": "standard", "total_max_attempts": 1})
    return session.client("kinesis", endpoint_url=endpoint, config=config)


def signed(endpoint, body=b"{}", target="Kinesis_20131202.ListStreams", secret=SECRET, key=KEY,
           query=False, at=None, **headers):
    """A signed request, to be spoilt by the caller."""
    request = botocore.awsrequest.AWSRequest("POST", endpoint + "/", data=body, headers={
        "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target, **headers})
    signer = botocore.auth.SigV4QueryAuth if query else botocore.auth.SigV4Auth
    auth = signer(botocore.credentials.Credentials(key, secret), "kinesis", "us-east-1")
    auth.payload = lambda _: hashlib.sha256(body).hexdigest()  # the query signer would empty the body
    if at is not None:
        frozen = botocore.auth.get_current_datetime
        botocore.auth.get_current_datetime = lambda *_, **__: at
        try:
            auth.add_auth(request)
        finally:
            botocore.auth.get_current_datetime = frozen
    else:
        auth.add_auth(request)
    return types.SimpleNamespace(url=request.url, headers=dict(request.headers.items()), body=body)


def send(request, **changes):
    """(status, exception name)."""
    url = changes.get("url", request.url)
    headers = {**request.headers, **changes.get("headers", {})}
    body = changes.get("body", request.body)
    call = urllib.request.Request(url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(call, timeout=10) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text)["__type"].split("#")[-1]


def test_a_good_key_does_the_whole_round_trip(guarded):
    client = client_of(guarded)
    name = kinesis.create_stream(client, kinesis.unique_name("auth"))
    client.put_record(StreamName=name, Data=b"signed", PartitionKey="k")
    records = kinesis.read_shard(client, name, "shardId-000000000000")
    assert [r["Data"] for r in records] == [b"signed"]
    client.delete_stream(StreamName=name)


@pytest.mark.parametrize("key,secret", [(KEY, "wrong"), ("AKIAUNKNOWN000000000", SECRET)])
def test_a_wrong_secret_or_an_unknown_key_is_refused(guarded, key, secret):
    with pytest.raises(kinesis.ClientError) as error:
        client_of(guarded, key, secret).list_streams()
    assert kinesis.code_of(error) in ("InvalidSignatureException", "UnrecognizedClientException")


def test_an_unsigned_request_is_refused(guarded):
    request = urllib.request.Request(guarded + "/", b"{}", {
        "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Kinesis_20131202.ListStreams"})
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=10)
    assert error.value.code in (400, 403)
    assert "MissingAuthenticationToken" in error.value.read().decode()


def test_header_and_query_signatures_are_accepted(guarded):
    assert send(signed(guarded)) == (200, None)
    assert send(signed(guarded, query=True)) == (200, None)


@pytest.mark.parametrize("query", [False, True], ids=["header", "query"])
def test_whatever_is_changed_after_signing_is_noticed(guarded, query):
    request = signed(guarded, query=query)
    status, name = send(request, body=b'{"Limit":1}')
    assert status in (400, 403) and name == "InvalidSignatureException"
    status, name = send(request, headers={"X-Amz-Target": "Kinesis_20131202.DescribeLimits"})
    assert status in (400, 403) and name == "InvalidSignatureException"
    last = "0" if request.url.endswith("1") else "1"
    if query:
        status, name = send(request, url=request.url[:-1] + last)
    else:
        spoilt = request.headers["Authorization"]
        status, name = send(request, headers={
            "Authorization": spoilt[:-1] + ("0" if spoilt[-1] != "0" else "1")})
    assert status in (400, 403) and name == "InvalidSignatureException"


@pytest.mark.parametrize("minutes", [-20, 20])
@pytest.mark.parametrize("query", [False, True], ids=["header", "query"])
def test_a_signature_from_another_time_is_refused(guarded, minutes, query):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    if query:
        at += datetime.timedelta(hours=2 if minutes > 0 else -2)  # presigned ones live an hour
    status, name = send(signed(guarded, at=at, query=query))
    assert status in (400, 403)
    assert name in ("InvalidSignatureException", "RequestExpired", "SignatureDoesNotMatch")


def test_a_signature_of_ten_minutes_ago_is_still_good(guarded):
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=10)
    assert send(signed(guarded, at=at)) == (200, None)


@pytest.mark.parametrize("header", [
    "AWS4-HMAC-SHA256 Credential=x", "AWS4-HMAC-SHA256", "Bearer abc", "AWS4-HMAC-SHA256 , , ,",
    "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=, Signature=",
    "AWS4-HMAC-SHA256 " + "Credential=" * 500], ids=range(6))
def test_a_malformed_authorization_is_refused(guarded, header):
    status, name = send(signed(guarded), headers={"Authorization": header})
    assert status in (400, 403)
    assert name in ("IncompleteSignatureException", "InvalidSignatureException",
                    "UnrecognizedClientException", "MissingAuthenticationTokenException")


def test_a_signature_that_leaves_out_the_target_header_is_refused(guarded):
    request = signed(guarded)
    shorter = request.headers["Authorization"].replace(";x-amz-target", "")
    status, _ = send(request, headers={"Authorization": shorter})
    assert status in (400, 403)

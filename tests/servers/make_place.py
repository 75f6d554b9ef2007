"""Make a bucket or a container in a server: the two requests that a test cannot do without, signed here by other code than the library's."""
import base64
import datetime
import email.utils
import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request

REGION = "us-east-1"
# Servers of tests are on this machine, whatever proxy the environment names.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def status_of(request):
    """The status that a request is answered with; None when nobody answers."""
    try:
        with OPENER.open(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def answers(endpoint):
    return status_of(endpoint) is not None


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed_request(method, endpoint, bucket, query, access_key, secret_key, body=b""):
    """A request about a bucket, with a signature of version 4."""
    payload = hashlib.sha256(body).hexdigest()
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    host = urllib.parse.urlsplit(endpoint).netloc
    scope = "/".join((stamp[:8], REGION, "s3", "aws4_request"))
    names = "host;x-amz-content-sha256;x-amz-date"
    canonical = "{}\n/{}\n{}\nhost:{}\nx-amz-content-sha256:{}\nx-amz-date:{}\n\n{}\n{}".format(method, bucket, query, host, payload, stamp, names, payload)
    key = ("AWS4" + secret_key).encode()
    for part in scope.split("/"):
        key = mac(key, part)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = mac(key, "AWS4-HMAC-SHA256\n{}\n{}\n{}".format(stamp, scope, digest)).hex()
    said = "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}".format(access_key, scope, names, signature)
    headers = {"Host": host, "x-amz-date": stamp, "x-amz-content-sha256": payload, "Authorization": said}
    return urllib.request.Request("{}/{}{}".format(endpoint, bucket, query and "?" + query), data=body or None, method=method, headers=headers)


def make_bucket(endpoint, bucket, access_key, secret_key):
    """PUT a bucket; its status."""
    return status_of(signed_request("PUT", endpoint, bucket, "", access_key, secret_key))


def let_read(endpoint, bucket, access_key, secret_key, user):
    """PUT a policy by which somebody else may read, and nothing more; its status."""
    names = ["arn:aws:s3:::" + bucket, "arn:aws:s3:::{}/*".format(bucket)]
    who = {"AWS": ["arn:aws:iam:::user/" + user]}
    may = {"Effect": "Allow", "Principal": who, "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": names}
    body = json.dumps({"Version": "2012-10-17", "Statement": [may]}).encode()
    return status_of(signed_request("PUT", endpoint, bucket, "policy=", access_key, secret_key, body))


def reading_signature(account, container, key):
    """A shared access signature by which a container may be read and listed, for an hour."""
    end = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = ["rl", "", end, "/blob/{}/{}".format(account, container), "", "", "", "2019-12-12", "c", *[""] * 6]
    signature = base64.b64encode(mac(base64.b64decode(key), "\n".join(lines))).decode()
    return urllib.parse.urlencode({"sp": "rl", "se": end, "sv": "2019-12-12", "sr": "c", "sig": signature})


def uploads_of(endpoint, bucket, access_key, secret_key):
    """What the server says about multipart uploads that are neither complete nor aborted."""
    with OPENER.open(signed_request("GET", endpoint, bucket, "uploads=", access_key, secret_key), timeout=10) as answer:
        return answer.read().decode()


def make_container(endpoint, account, container, key):
    """PUT a container, with a Shared Key signature; its status."""
    path = "{}/{}".format(urllib.parse.urlsplit(endpoint).path, container)
    headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
    lines = ["PUT", *[""] * 11, *("{}:{}".format(*header) for header in headers.items()), "/{}{}".format(account, path), "restype:container"]
    signature = base64.b64encode(mac(base64.b64decode(key), "\n".join(lines))).decode()
    headers["Authorization"] = "SharedKey {}:{}".format(account, signature)
    url = "{}/{}?restype=container".format(endpoint, container)
    return status_of(urllib.request.Request(url, method="PUT", headers=headers))

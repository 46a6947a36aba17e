"""A URI with a credential in it is refused in one line that does not repeat it; all others are taken."""

import pytest

from analysis.errors import AnalysisError
from analysis.ledger import Ledger
from analysis.ledger.credentials import refuse_credentials
from analysis.ledger.storage import Storage

SECRET = "wJalrXUtnFEMI/K7MDENG+bPx"


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://AKIAEXAMPLE:{SECRET}@bucket/x",
        f"S3://AKIAEXAMPLE:{SECRET}@bucket/x",
        f"s3:/AKIAEXAMPLE:{SECRET}@bucket/x",
        f"s3://AKIAEXAMPLE%3A{SECRET}@bucket/x",
        f"s3://AKIAEXAMPLE:12345/{SECRET}@bucket",
        "s3://wJalrXUtnFEMI@bucket/x",
        f"s3://bucket/x?access_key=AKIAEXAMPLE&secret_key={SECRET}",
        f"s3://bucket/x?region=a&secret_key={SECRET}",
        f"s3://bucket/x?region=a;session_token={SECRET}",
        f"s3://bucket/x#session-token={SECRET}",
        f"s3://bucket/x?X-Amz-Signature={SECRET}",
        f"s3://bucket/x?AWSAccessKeyId={SECRET}",
        f"s3://bucket/x?endpoint_override=http://user:{SECRET}@host:9000",
        f"https://account.blob.core.windows.net/c?sv=1&sig={SECRET}",
        f"abfs://c@account.dfs.core.windows.net/x?account_key={SECRET}",
        f"gs://{SECRET.replace('/', '')}@bucket/x",
        f"gs://bucket/x?access_token={SECRET}",
        f"hdfs://user:{SECRET}@host:9000/x",
        f"hdfs://user:{SECRET.replace('/', '')}@host:9000/x",
    ],
)
def test_a_credential_is_refused_and_not_repeated(uri):
    for opening in (refuse_credentials, Storage, Ledger):
        with pytest.raises(AnalysisError, match=r"the URI holds a credential .*AWS_PROFILE.*'s role") as raised:
            opening(uri)
        said = str(raised.value)
        assert not any(part in said for part in (SECRET, *SECRET.split("/"), "AKIAEXAMPLE"))
        assert "\n" not in said


@pytest.mark.parametrize(
    "location",
    [
        "/home/a:b@c/runs",
        "runs/\udcff%20@",
        "a:b@c",
        "C:\\runs",
        "file:///data/a@b",
        "s3://bucket/passwords/token=1/a:b@c",
        "s3://bucket/x?endpoint_override=127.0.0.1:9000&scheme=http&region=eu-north-1&tls_ca_file_path=/a/b",
        "gs://anonymous@bucket/x",
        "hdfs://user@host:9000/x?replication=1",
        "hdfs://host:9000/a@b",
        "s3://",
        "://",
    ],
)
def test_other_locations_are_fine(location):
    refuse_credentials(location)

"""The clients here are told their endpoint; the rest of what AWS clients want to know is set once."""

import os

from server import client_environment

os.environ.update({name: value for name, value in client_environment("").items()
                   if name != "AWS_ENDPOINT_URL"})

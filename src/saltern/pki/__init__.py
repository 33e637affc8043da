"""The site's internal certificate authority: TLS certificates and ssh host certificates.

The master has the authority (:class:`Authority`): one key for TLS, one for ssh. A host makes its
keys itself, and they never leave it: it sends a :class:`Request` signed with its Salt key, the
master answers in files that every host may read, as nothing in them is secret.
"""

from saltern.pki.authority import Authority
from saltern.pki.desk import Desk
from saltern.pki.request import Request

__all__ = ["Authority", "Desk", "Request"]

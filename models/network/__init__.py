"""Addresses of servers, the proxies on the way to them, and the keys that they are given.

Sends nothing. It re-exports nothing; import each function from its file.

- `address` takes an address apart: what is asked, what is shown, what is secret.
- `proxies` says through which proxy an address is asked.
- `keys` reads a key from the environment.
"""

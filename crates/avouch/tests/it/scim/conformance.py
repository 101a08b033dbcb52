"""All that scim2-tester checks, against a running server: each line is a check, what came of it, and of what.

Arguments: the address of the server and the key of an identity provider.
"""

import sys
from collections import Counter

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

address, key = sys.argv[1:]
client = Client(base_url=f"{address}/scim/v2", headers={"Authorization": f"Bearer {key}"}, timeout=30)
results = check_server(SyncSCIMClient(client))
for result in results:
    if result.status not in (Status.SUCCESS, Status.SKIPPED):
        print(f"{result.status.name}: {result.title} {result.resource_type or ''}: {result.reason}")
    elif result.status == Status.SKIPPED:
        print(f"SKIPPED: {result.title} {result.resource_type or ''}: {result.reason}")
counts = Counter(result.status.name for result in results)
print(", ".join(f"{counts[name]} {name}" for name in sorted(counts)))

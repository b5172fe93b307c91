#!/bin/bash
# Sends twenty packets of 60028 bytes with their headers to this machine itself.
for number in {1..20}; do
  dd bs=60000 count=1 </dev/zero >/dev/udp/127.0.0.1/4799 2>/dev/null
done
exit 0

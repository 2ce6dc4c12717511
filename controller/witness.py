"""The witness of the audit log: vouches for heads it was shown, and never goes back.

A receipt says "in this power-up (epoch) I was shown, as head number `number`, a log of `count`
records that ends in `head`", under a key that the host does not have. Who owns the host can
therefore not make a receipt for a log that was cut or rewritten; but what the host shows is
vouched for unread.

Epoch and last head are kept through `store`, which writes to flash and stops the processor
for milliseconds. So it is called only while disarmed; the core decides when.
"""

import struct
from binascii import crc32
from hashlib import sha256

from controller import mac, protocol
from controller.times import elapsed_ms

RECORD = "<IIQ32s"
RECORD_BYTES = struct.calcsize(RECORD)
NO_HEAD = bytes(32)
NO_DIGEST = bytes(32)
RECEIPT_LABEL = b"bot4 receipt"
ATTEST_LABEL = b"bot4 attestation"


def receipt_mac(key, epoch, number, count, head):
    """Return the MAC of a receipt under the witness key's `Mac`; the auditor computes the same."""
    return key.full(RECEIPT_LABEL + struct.pack(RECORD, epoch, number, count, head))


def attestation_mac(key, nonce, epoch, firmware, configuration):
    """Return the MAC of an attestation under the witness key's `Mac`."""
    return key.full(ATTEST_LABEL + nonce + struct.pack("<I", epoch) + firmware + configuration)


def configuration(times):
    """Return the 32-byte digest of profile, limits and protocol that an attestation tells."""
    told = struct.pack("<II", times.digest(), protocol.SCHEMA)
    return sha256(b"bot4 configuration" + told).digest()


def pack_record(epoch, number, count, head):
    """Return what `store` gets: epoch, number, count and head, and a CRC-32 of them."""
    record = struct.pack(RECORD, epoch, number, count, head)
    return record + struct.pack("<I", crc32(record) & 0xFFFFFFFF)


def unpack_record(stored):
    """Return (epoch, number, count, head) of a stored record, or None when it is not one."""
    if len(stored) != RECORD_BYTES + 4:
        return None
    told = struct.unpack(RECORD, stored[:RECORD_BYTES])
    return told if pack_record(*told) == stored else None


class Witness:
    """Epoch, number, count and head. The number counts the heads accepted: none can go missing.

    key -- 32 bytes shared with the auditor alone, or None: then nothing is vouched for
    store -- callable: store(record) keeps bytes over a power cut, or raises OSError; or None
    stored -- what `store` was last given, or None on a board that never stored anything
    firmware -- 32-byte digest of the firmware's files, told in an attestation
    """

    def __init__(self, times, key, store, stored, firmware):
        self._times = times
        self._key = None if key is None else mac.Mac(key)
        self._store = store
        self._firmware = firmware
        self._configuration = configuration(times)
        self._kept_ms = 0
        self._tripped = False
        nothing = (0, 0, 0, NO_HEAD)
        record = nothing if stored is None else unpack_record(stored)
        self.readable = record is not None
        self.epoch, self.number, self.count, self.head = record or nothing
        self.dirty = False

    def provisioned(self):
        """Return True when there is a key to vouch with."""
        return self._key is not None

    def open(self, now_ms):
        """Begin the next epoch and keep it; False when what was kept is unreadable or cannot be kept."""
        if not self.readable:
            return False
        self.epoch += 1
        return self.keep(now_ms)

    def take(self, count, head):
        """Accept a head, or refuse (False) one that goes back or contradicts the last.

        Count 0 shows nothing: it asks for the receipt that stands.
        """
        if count == 0:
            return True
        if count < self.count or (count == self.count and head != self.head):
            return False
        if count > self.count:
            self.number += 1
            self.count = count
            self.head = head
            self.dirty = True
        return True

    def receipt(self):
        """Return the values of RECEIPT for the head that stands."""
        told = (self.epoch, self.number, self.count, self.head)
        return told + (receipt_mac(self._key, *told),)

    def attestation(self, nonce):
        """Return the values of ATTESTATION for the host's nonce."""
        told = (nonce, self.epoch, self._firmware, self._configuration)
        return told + (attestation_mac(self._key, *told),)

    def tripped(self, now_ms):
        """HALT has fallen: keep the head soon, but not while the host may be timed."""
        self._tripped = True
        self._kept_ms = now_ms

    def due(self, now_ms):
        """Return True when a changed head should be kept now; the caller knows it is disarmed."""
        times = self._times
        wait_ms = times.persist_after_trip_ms if self._tripped else times.persist_period_ms
        return self.dirty and elapsed_ms(now_ms, self._kept_ms) >= wait_ms

    def keep(self, now_ms):
        """Keep epoch, count and head; return False when that failed."""
        self._kept_ms = now_ms
        self._tripped = False
        self.dirty = False
        if self._store is None:
            return True
        try:
            self._store(pack_record(self.epoch, self.number, self.count, self.head))
        except OSError:
            return False
        return True

"""libsrtp, by way of pylibsrtp, as a filter.

    libsrtp.py PROFILE KEY protect|unprotect

PROFILE is a number as in use_srtp, KEY the master key and salt in hexadecimal. Each line of standard input is `rtp` or `rtcp`
and a packet in hexadecimal; each line of standard output is what became of it, or `error` and why.
"""

import sys

from pylibsrtp import Error, Policy, Session

PROFILES = {
    1: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    2: Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    7: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    8: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


def main() -> None:
    profile, key, direction = sys.argv[1:]
    outbound = direction == "protect"
    kind = Policy.SSRC_ANY_OUTBOUND if outbound else Policy.SSRC_ANY_INBOUND
    policy = Policy(key=bytes.fromhex(key), ssrc_type=kind, srtp_profile=PROFILES[int(profile)])
    policy.window_size = 1024
    session = Session(policy=policy)
    work = {
        ("rtp", True): session.protect,
        ("rtcp", True): session.protect_rtcp,
        ("rtp", False): session.unprotect,
        ("rtcp", False): session.unprotect_rtcp,
    }
    for line in sys.stdin:
        what, packet = line.split()
        try:
            print(work[what, outbound](bytes.fromhex(packet)).hex())
        except Error as error:
            print("error", error)


main()

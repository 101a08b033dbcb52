"""What applications do with hvac, unchanged, against a server of ours: `client.py URL KEEPER SHOP`.

KEEPER is the API key of an administrator, who makes keys and does not use them; SHOP that of a service that may use
`shop-*`. Ends with an error at the first thing that is not as an application expects it.
"""

import base64
import contextlib
import sys

import hvac
from hvac import exceptions

URL, KEEPER, SHOP = sys.argv[1:]
SECRET = base64.b64encode(b"ada.lovelace@example.org").decode()


def client(token):
    return hvac.Client(url=URL, token=token)


def same(found, expected):
    if found != expected:
        raise AssertionError(f"{found!r} is not {expected!r}")


@contextlib.contextmanager
def refused(error, sentence):
    """The one error that a call ends with, and a part of what it says."""
    try:
        yield
    except error as raised:
        # Not a kind of it: applications tell them apart.
        same(type(raised), error)
        if sentence not in str(raised):
            raise AssertionError(f"{sentence!r} is not in {raised}") from raised
    else:
        raise AssertionError(f"it was not refused: {sentence!r}")


keeper, shop, nobody = client(KEEPER).secrets.transit, client(SHOP).secrets.transit, client("avk_live_wrong")


def the_server_says_who_is_there_and_that_it_is_open():
    same(client(SHOP).is_authenticated(), True)
    same(nobody.is_authenticated(), False)
    same(client(SHOP).sys.is_initialized(), True)
    same(client(SHOP).sys.is_sealed(), False)
    same(client(SHOP).sys.read_health_status().status_code, 200)
    known = client(SHOP).auth.token.lookup_self()["data"]
    same((known["policies"], known["renewable"]), (["tills"], False))
    same(SHOP in str(known), False)


def keys_are_made_listed_and_read():
    keeper.create_key("shop-orders")
    same(keeper.create_key("shop-orders")["warnings"] is None, False)
    keeper.create_key("shop-sign", key_type="ecdsa-p256")
    keeper.create_key("other")
    same(keeper.list_keys()["data"]["keys"], ["other", "shop-orders", "shop-sign"])
    key = keeper.read_key("shop-orders")["data"]
    same((key["type"], key["latest_version"], key["exportable"]), ("aes256-gcm96", 1, False))
    public = keeper.read_key("shop-sign")["data"]["keys"]["1"]["public_key"]
    same(public.startswith("-----BEGIN PUBLIC KEY-----"), True)
    with refused(exceptions.InvalidPath, "None"):
        keeper.read_key("shop-none")
    with refused(exceptions.InvalidRequest, "keys never leave"):
        keeper.create_key("shop-export", exportable=True)
    with refused(exceptions.InvalidRequest, "nothing is encrypted convergently here"):
        keeper.create_key("shop-convergent", convergent_encryption=True, derived=True)
    with refused(exceptions.InvalidPath, "no such route"):
        keeper.export_key("shop-orders", "encryption-key")


def what_is_encrypted_is_decrypted():
    ciphertext = shop.encrypt_data("shop-orders", plaintext=SECRET)["data"]["ciphertext"]
    same(ciphertext.startswith("vault:v1:"), True)
    same(shop.decrypt_data("shop-orders", ciphertext=ciphertext)["data"]["plaintext"], SECRET)
    return ciphertext


def nobody_else_decrypts_it(ciphertext):
    altered = ciphertext[:20] + ("B" if ciphertext[20] == "A" else "A") + ciphertext[21:]
    keeper.create_key("shop-second")
    with refused(exceptions.InvalidRequest, "does not open"):
        shop.decrypt_data("shop-second", ciphertext=ciphertext)
    with refused(exceptions.InvalidRequest, "does not open"):
        shop.decrypt_data("shop-orders", ciphertext=altered)
    with refused(exceptions.Forbidden, "your roles do not name this standalone key"):
        shop.decrypt_data("other", ciphertext=ciphertext)
    with refused(exceptions.Forbidden, "permission denied"):
        keeper.decrypt_data("shop-orders", ciphertext=ciphertext)
    with refused(exceptions.Forbidden, "permission denied"):
        nobody.secrets.transit.decrypt_data("shop-orders", ciphertext=ciphertext)
    with refused(exceptions.Forbidden, "permission denied"):
        shop.create_key("shop-mine")
    with refused(exceptions.InvalidRequest, "there are no namespaces here"):
        hvac.Client(url=URL, token=SHOP, namespace="team").secrets.transit.read_key("shop-orders")
    # An engine would make the key.
    with refused(exceptions.InvalidRequest, "encryption key not found"):
        shop.encrypt_data("shop-none", plaintext=SECRET)


def a_derived_key_has_a_key_for_each_context():
    keeper.create_key("shop-derived", derived=True)
    one, two = (base64.b64encode(context).decode() for context in (b"one", b"two"))
    ciphertext = shop.encrypt_data("shop-derived", plaintext=SECRET, context=one)["data"]["ciphertext"]
    same(shop.decrypt_data("shop-derived", ciphertext=ciphertext, context=one)["data"]["plaintext"], SECRET)
    with refused(exceptions.InvalidRequest, "does not open"):
        shop.decrypt_data("shop-derived", ciphertext=ciphertext, context=two)
    with refused(exceptions.InvalidRequest, "needs a context"):
        shop.decrypt_data("shop-derived", ciphertext=ciphertext)
    with refused(exceptions.InvalidRequest, "nonces are drawn here"):
        shop.encrypt_data("shop-derived", plaintext=SECRET, context=one, nonce="AAAAAAAAAAAAAAAA")


def a_batch_says_which_item_failed():
    items = [{"plaintext": SECRET}, {"plaintext": "not base64"}, {"plaintext": SECRET}]
    with refused(exceptions.InvalidRequest, ""):
        shop.encrypt_data("shop-orders", batch_input=items)
    made = shop.encrypt_data("shop-orders", batch_input=items[::2])["data"]["batch_results"]
    opened = shop.decrypt_data("shop-orders", batch_input=[{"ciphertext": item["ciphertext"]} for item in made])
    same([item["plaintext"] for item in opened["data"]["batch_results"]], [SECRET, SECRET])
    # What hvac has no argument for, by its own connection.
    some = {"batch_input": items, "partial_failure_response_code": 207}
    answer = client(SHOP).adapter.post("/v1/transit/encrypt/shop-orders", json=some)
    results = answer.json()["data"]["batch_results"]
    same((answer.status_code, ["error" in item for item in results]), (207, [False, True, False]))


def a_rotated_key_opens_what_was_until_it_is_told_not_to(ciphertext):
    keeper.rotate_key("shop-orders")
    anew = shop.rewrap_data("shop-orders", ciphertext=ciphertext)["data"]["ciphertext"]
    same(anew.startswith("vault:v2:"), True)
    same(shop.decrypt_data("shop-orders", ciphertext=ciphertext)["data"]["plaintext"], SECRET)
    keeper.update_key_configuration("shop-orders", min_decryption_version=2)
    with refused(exceptions.InvalidRequest, "below the lowest that still opens"):
        shop.decrypt_data("shop-orders", ciphertext=ciphertext)
    same(shop.decrypt_data("shop-orders", ciphertext=anew)["data"]["plaintext"], SECRET)
    keeper.update_key_configuration("shop-orders", min_encryption_version=2)
    keeper.trim_key("shop-orders", min_version=2)
    same(keeper.read_key("shop-orders")["data"]["min_available_version"], 2)


def signatures_and_macs_are_of_one_key():
    other = base64.b64encode(b"another").decode()
    for how in ({}, {"hash_algorithm": "sha2-512", "marshaling_algorithm": "jws"}):
        signature = shop.sign_data("shop-sign", hash_input=SECRET, **how)["data"]["signature"]
        for said, valid in ((SECRET, True), (other, False)):
            verified = shop.verify_signed_data("shop-sign", hash_input=said, signature=signature, **how)
            same(verified["data"]["valid"], valid)
    mac = shop.generate_hmac("shop-orders", hash_input=SECRET)["data"]["hmac"]
    for said, valid in ((SECRET, True), (other, False)):
        verified = shop.verify_signed_data("shop-orders", hash_input=said, hmac=mac)
        same(verified["data"]["valid"], valid)
    with refused(exceptions.InvalidRequest, "this kind of key does not sign"):
        shop.sign_data("shop-orders", hash_input=SECRET)


def data_keys_random_bytes_and_digests():
    made = shop.generate_data_key("shop-orders", "plaintext")["data"]
    opened = shop.decrypt_data("shop-orders", ciphertext=made["ciphertext"])["data"]["plaintext"]
    same((opened, len(base64.b64decode(opened))), (made["plaintext"], 32))
    wrapped = shop.generate_data_key("shop-orders", "wrapped", bits=512)["data"]
    same("plaintext" in wrapped, False)
    same(len(shop.generate_random_bytes(n_bytes=24, output_format="hex")["data"]["random_bytes"]), 48)
    digest = shop.hash_data(base64.b64encode(b"abc").decode(), algorithm="sha2-256")["data"]["sum"]
    same(digest[:16], "ba7816bf8f01cfea")


def a_key_ends_when_it_may():
    with refused(exceptions.InvalidRequest, "this key may not be deleted"):
        keeper.delete_key("shop-orders")
    keeper.update_key_configuration("shop-orders", deletion_allowed=True)
    keeper.delete_key("shop-orders")
    with refused(exceptions.InvalidPath, "None"):
        keeper.read_key("shop-orders")
    same("shop-orders" in keeper.list_keys()["data"]["keys"], False)


the_server_says_who_is_there_and_that_it_is_open()
keys_are_made_listed_and_read()
first = what_is_encrypted_is_decrypted()
nobody_else_decrypts_it(first)
a_derived_key_has_a_key_for_each_context()
a_batch_says_which_item_failed()
a_rotated_key_opens_what_was_until_it_is_told_not_to(first)
signatures_and_macs_are_of_one_key()
data_keys_random_bytes_and_digests()
a_key_ends_when_it_may()
print("as an application expects it")

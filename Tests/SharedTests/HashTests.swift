import Shared
import Testing

@Suite("SHA-256 and HMAC")
struct HashTests {
    private static let vectorsTable: [(String, String)] = [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
    ]

    @Test(
        "Hashes match the examples of FIPS 180-4",
        arguments: vectorsTable)
    func vectors(text: String, hash: String) {
        #expect(Hexadecimal.encode(SHA256.hash(text.utf8)) == hash)
    }

    @Test("A million letters hash alike in pieces of any size")
    func million() {
        var hasher = SHA256()
        for size in [1, 63, 64, 65, 999_807] { hasher.update(repeatElement(UInt8(ascii: "a"), count: size)) }
        #expect(
            Hexadecimal.encode(hasher.finalize()) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test(
        "Every length around the end of a block hashes alike in one piece and in two",
        arguments: [55, 56, 57, 63, 64, 65, 119, 120, 128])
    func blocks(length: Int) {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        var hasher = SHA256()
        hasher.update(bytes.prefix(length / 2))
        hasher.update(bytes.dropFirst(length / 2))
        #expect(hasher.finalize() == SHA256.hash(bytes))
        #expect(SHA256.hash(bytes) != SHA256.hash(bytes + [0]))
    }

    private static let codesTable: [([UInt8], [UInt8], String)] = [
        (
            [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            Array(1...25), [UInt8](repeating: 0xCD, count: 50),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
        (
            [UInt8](repeating: 0xAA, count: 131),
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        (
            [UInt8](repeating: 0xAA, count: 131),
            Array(
                "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm."
                    .utf8), "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        ),
    ]

    @Test(
        "Authentication codes match RFC 4231",
        arguments: codesTable)
    func codes(key: [UInt8], message: [UInt8], code: String) {
        #expect(Hexadecimal.encode(SHA256.authenticationCode(for: message, key: key)) == code)
    }
}

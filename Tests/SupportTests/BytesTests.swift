import CollectorSupport
import Testing

@Suite struct BytesTests {
    @Test("Base64url has one spelling for each value, and no padding")
    func base64() {
        #expect(Base64URL.encode([0xFB, 0xFF, 0xFE]) == "-__-")
        for bytes: [UInt8] in [[], [0], [0, 1], [0, 1, 2], Array(0...255)] {
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
        }
        for wrong in ["AA==", "A", "AB", "+/+/", "A A", "AAA\n"] { #expect(Base64URL.decode(wrong) == nil, "\(wrong)") }
    }

    @Test("Texts with their lengths differ wherever the texts do")
    func lengths() {
        #expect(["a", "b"].withLengths == Array("1:a1:b".utf8))
        #expect(["ab", ""].withLengths != ["a", "b"].withLengths)
        #expect(["é"].withLengths.count == 4)
    }

    @Test(
        "The folder of a path is where its last part is",
        arguments: [("a", "."), ("/a", "/"), ("a/b", "a"), ("/a/b", "/a"), ("/a/", "/a"), ("/", "/")])
    func folder(_ path: String, _ folder: String) {
        #expect(FilePath.folder(of: path) == folder)
    }
}

import Shared
import Testing

/// The rules are those of Docker's `distribution/reference` (`normalize.go`, `regexp.go`).
@Suite("Image references")
struct ImageReferenceTests {
    private static let digest = "sha256:" + String(repeating: "ab", count: 32)

    private static let normalisedTable: [(String, String, String?)] = [
        ("nginx", "docker.io/library/nginx", nil), ("nginx:1.27", "docker.io/library/nginx", "1.27"),
        ("docker.io/nginx", "docker.io/library/nginx", nil),
        ("index.docker.io/nginx", "docker.io/library/nginx", nil),
        ("docker.io/library/nginx", "docker.io/library/nginx", nil), ("team/canvas", "docker.io/team/canvas", nil),
        ("localhost/canvas", "localhost/canvas", nil), ("localhost:5000/canvas", "localhost:5000/canvas", nil),
        ("registry.example/canvas:latest", "registry.example/canvas", "latest"),
        ("registry.example:5000/a/b/c:v1", "registry.example:5000/a/b/c", "v1"),
        ("127.0.0.1:5000/foo/bar", "127.0.0.1:5000/foo/bar", nil),
        ("[::1]:5000/canvas:v1", "[::1]:5000/canvas", "v1"),
        ("foo/foo_bar.com:8080", "docker.io/foo/foo_bar.com", "8080"), ("a__b/c---d", "docker.io/a__b/c---d", nil),
        ("nginx:LATEST_1.0-rc", "docker.io/library/nginx", "LATEST_1.0-rc"),
    ]

    @Test(
        "References are normalised as Docker does",
        arguments: normalisedTable)
    func normalised(text: String, repository: String, tag: String?) {
        let reference = ImageReference(parsing: text)
        #expect(reference?.repository == repository)
        #expect(reference?.tag == tag)
        #expect(reference?.effectiveTag == tag ?? "latest")
    }

    @Test("A digest pins a reference, with and without a tag")
    func pinned() {
        let bare = ImageReference(parsing: "nginx@" + Self.digest)
        #expect(bare?.digest?.description == Self.digest)
        #expect(bare?.effectiveTag == nil)
        let both = ImageReference(parsing: "registry.example/canvas:v1@" + Self.digest)
        #expect(both?.tag == "v1")
        #expect(both?.effectiveTag == "v1")
        #expect(both?.description == "registry.example/canvas:v1@" + Self.digest)
    }

    private static let refusedTable: [String] = [
        "", "Nginx", "team/Canvas", "nginx:", "nginx:-x", "nginx@sha256:abc", "nginx@", "a//b", "/nginx", "nginx/",
        "-nginx", "nginx-", "a..b", "a___b", "a._b", "nginx:" + String(repeating: "x", count: 129),
        String(repeating: "ab", count: 32), digest, "https://registry.example/canvas", "docker.io/", "exa mple.com/x",
        "example-.com/x", "reg_istry.example/x", "registry.example:port/x",
    ]

    @Test(
        "References that Docker refuses are refused",
        arguments: refusedTable)
    func refused(text: String) {
        #expect(ImageReference(parsing: text) == nil)
    }
}

import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Registry

/// Responses of real registries beyond the specification.
@Suite(.timeLimit(.minutes(2)))
struct FieldRegistryTests {
    private static let sha = String(repeating: "a", count: 40)
    private static let image = MadeImage.usual(revision: sha)

    // MARK: - Media types

    struct Served: Sendable, CustomTestStringConvertible {
        var type: String?
        var body: String
        /// nil if it is rejected.
        var kind: RegistryMediaType?

        var testDescription: String { "\(type ?? "none"): \(body.prefix(60)) is \(kind?.rawValue ?? "refused")" }
    }

    private static let config =
        #""config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\#(image.digest)","size":1}"#

    private static func body(_ own: String?, _ rest: String) -> String {
        #"{"schemaVersion":2,\#(own.map { #""mediaType":"\#($0)","# } ?? "")\#(rest)}"#
    }

    private static let manifestParts = config + #","layers":[]"#
    private static let indexParts = #""manifests":[]"#

    static let servedTable: [Served] =
        [
            "application/json", "application/octet-stream", "text/plain", "binary/octet-stream",
            "Application/JSON; charset=utf-8", nil,
        ]
        .flatMap { type in
            [
                Served(type: type, body: body(MadeImage.ociManifest, manifestParts), kind: .ociManifest),
                Served(type: type, body: body(MadeImage.dockerManifest, manifestParts), kind: .dockerManifest),
                Served(type: type, body: body(MadeImage.ociIndex, indexParts), kind: .ociIndex),
                Served(type: type, body: body(MadeImage.dockerList, indexParts), kind: .dockerList),
                // The field is optional in OCI's bodies.
                Served(type: type, body: body(nil, manifestParts), kind: .ociManifest),
                Served(type: type, body: body(nil, indexParts), kind: .ociIndex),
                Served(
                    type: type, body: body("application/vnd.oci.artifact.manifest.v1+json", manifestParts), kind: nil),
                Served(type: type, body: body(MadeImage.ociIndex, manifestParts), kind: nil),
                Served(type: type, body: body(MadeImage.ociManifest, indexParts), kind: nil),
                Served(type: type, body: body(nil, manifestParts + "," + indexParts), kind: nil),
                Served(type: type, body: "{}", kind: nil), Served(type: type, body: "no JSON", kind: nil),
            ]
        } + [
            // A specific type that contradicts the body, and an HTML page.
            Served(type: MadeImage.ociIndex, body: body(MadeImage.ociManifest, manifestParts), kind: nil),
            Served(type: MadeImage.dockerManifest, body: body(MadeImage.ociManifest, manifestParts), kind: nil),
            Served(type: "text/html", body: body(MadeImage.ociManifest, manifestParts), kind: nil),
            Served(type: "application/xml", body: body(MadeImage.ociManifest, manifestParts), kind: nil),
            Served(type: "application/vnd.cncf.helm.config.v1+json", body: body(nil, manifestParts), kind: nil),
        ]

    @Test(
        "Field 13: with a generic header the body's type counts; a contradiction is refused",
        arguments: servedTable)
    func mediaTypes(_ served: Served) throws {
        let manifest = Result { () throws(ManifestError) in
            try RegistryManifest(
                bytes: Array(served.body.utf8), contentType: served.type, stated: nil, wanted: nil)
        }
        switch manifest {
        case .success(let manifest): #expect(manifest.mediaType == served.kind)
        case .failure(let defect): #expect(served.kind == nil, "\(defect)")
        }
    }

    @Test(
        "Field 13: an image with a generic type is read, promoted and written with its own type",
        arguments: ["application/json", nil])
    func promotedGenerically(type: String?) async throws {
        let registry = try await ScriptedRegistry.start(["staging": Self.image]) { request in
            guard request.method == "GET", request.path.contains("/manifests/") else { return nil }
            let name = String(request.path.split(separator: "/").last ?? "")
            let all = [Self.image] + Self.image.children
            guard let found = name == "staging" ? Self.image : all.first(where: { "\($0.digest)" == name }) else {
                return nil
            }
            return .answer(
                status: 200, headers: type.map { [("Content-Type", $0)] } ?? [], body: found.manifest.bytes)
        }
        let (from, to) = (try registry.reference(":staging"), try registry.reference(""))
        try await withRegistryClient { client in
            let image = try await client.resolve(from)
            #expect(image.entries.count == 2)
            try await client.put(image.manifest, tag: "latest", in: to)
        }
        let put = registry.seen.first { $0.method == "PUT" }
        #expect(put?.header("content-type") == MadeImage.ociIndex)
        #expect(put?.body == Self.image.manifest.bytes)
        await registry.stop()
    }

    // MARK: - Immutable tags

    struct Refusal: Sendable, CustomTestStringConvertible {
        var registry: String
        var status: Int
        var code: String
        var message: String
        var detail = "null"
        var isImmutable = true

        var testDescription: String { "\(registry): \(status) \(code)" }
        var body: String { #"{"errors":[{"code":"\#(code)","message":"\#(message)","detail":\#(detail)}]}"# }
    }

    static let refusals: [Refusal] = [
        .init(
            registry: "Amazon ECR", status: 400, code: "TAG_INVALID",
            message:
                "The image tag 'latest' already exists in the 'canvas' repository and cannot be overwritten because the repository is immutable."
        ),
        .init(registry: "Amazon ECR's API", status: 400, code: "ImageTagAlreadyExistsException", message: "x"),
        .init(
            registry: "Google Artifact Registry", status: 400, code: "MANIFEST_INVALID",
            message: "cannot update tag latest. The repository has enabled tag immutability"),
        .init(
            registry: "Harbor", status: 412, code: "PRECONDITION",
            message: "Failed to process request due to 'canvas:latest' configured as immutable."),
        .init(registry: "Harbor, another wording", status: 412, code: "PRECONDITION", message: "a rule covers the tag"),
        .init(
            registry: "Harbor 1.10", status: 403, code: "DENIED",
            message: "The tag:canvas:latest is immutable, cannot be overwrite."),
        .init(registry: "Quay", status: 409, code: "TAG_IMMUTABLE", message: "tag is immutable"),
        .init(
            registry: "Azure", status: 405, code: "REGISTRY_DISALLOWED_OPERATION",
            message: "The operation is disallowed on this registry, repository or image.", detail: "{}"),
        .init(
            registry: "Azure, a locked repository", status: 405, code: "UNSUPPORTED",
            message: "The operation is disallowed on this registry, repository or image. View troubleshooting steps."),
        .init(registry: "Azure, a locked tag", status: 409, code: "CONFLICT", message: "the manifest is locked"),
        .init(
            registry: "a tag that does not fit", status: 400, code: "TAG_INVALID",
            message: "manifest tag did not match URI", isImmutable: false),
        .init(
            registry: "no writing at all", status: 405, code: "UNSUPPORTED", message: "the operation is unsupported",
            isImmutable: false),
        .init(
            registry: "Docker Hub", status: 403, code: "DENIED", message: "denied",
            detail: #""tag latest is immutable and cannot be updated""#),
        .init(
            registry: "Nexus", status: 400, code: "BLOB_UPLOAD_INVALID", message: "blob upload invalid",
            detail: #""Repository does not allow updating assets: docker""#),
        .init(
            registry: "Artifactory", status: 403, code: "DENIED", message: "x",
            detail: #"{"description":"Not enough permissions to delete/overwrite artifact"}"#),
        .init(registry: "GitLab", status: 403, code: "DENIED", message: "cannot push: protected tag"),
        .init(
            registry: "credentials", status: 403, code: "DENIED", message: "requested access to the resource is denied",
            isImmutable: false),
        .init(
            registry: "a quota", status: 412, code: "PRECONDITION", message: "the quota of the project is exceeded",
            isImmutable: false),
        .init(
            registry: "a broken manifest", status: 400, code: "MANIFEST_INVALID", message: "manifest invalid",
            isImmutable: false),
        .init(
            registry: "lacking blobs", status: 400, code: "MANIFEST_BLOB_UNKNOWN", message: "blob unknown to registry",
            isImmutable: false),
    ]

    @Test(
        "Field 20: every registry's response for an immutable tag is 64 with the remedy, and no other is",
        arguments: refusals)
    func immutable(_ refusal: Refusal) async throws {
        let registry = try await ScriptedRegistry.start(["staging": Self.image]) { request in
            guard request.method == "PUT" else { return nil }
            return .answer(
                status: refusal.status, headers: [("Content-Type", "application/json")], body: Array(refusal.body.utf8))
        }
        let (from, to) = (try registry.reference(":staging"), try registry.reference(""))
        let error = try await registryError {
            try await withRegistryClient { client in
                try await client.put(try await client.manifest(of: from), tag: "latest", in: to)
            }
        }
        await registry.stop()
        #expect(error?.exitCode == (refusal.isImmutable ? 64 : 69), "\(error?.description ?? "none")")
        #expect(
            error?.description.contains("the tag is immutable") == refusal.isImmutable,
            "\(error?.description ?? "none")")
        #expect(registry.seen.count { $0.method == "PUT" } == 1)
    }

    // MARK: - Kept images

    @Test("Field 12: an image is kept with all manifests of its index, attestations included, children first")
    func kept() async throws {
        let registry = try await ScriptedRegistry.start(["latest": Self.image])
        let reference = try registry.reference()
        let image = try await withRegistryClient {
            try await $0.keep(try await $0.manifest(of: reference), in: reference)
        }
        await registry.stop()
        #expect(image.manifests.map(\.digest) == Self.image.children.map(\.digest) + [Self.image.digest])
        #expect(Set(image.blobs) == Set(Self.image.children.flatMap(\.blobs).map(\.digest)))
    }

    @Test("Field 12: a blob is missing only if the registry itself reports it")
    func missing() async throws {
        let gone = Self.image.children[1].blobs[1].digest
        let registry = try await ScriptedRegistry.start(["latest": Self.image]) { request in
            guard request.method == "HEAD", request.path.contains("/blobs/") else { return nil }
            if request.path.hasSuffix("\(gone)") { return .status(404) }
            return request.path.hasSuffix("\(Self.image.children[0].blobs[0].digest)")
                ? .redirect(to: "/elsewhere") : nil
        }
        let reference = try registry.reference()
        let missing = try await withRegistryClient { client in
            let image = try await client.keep(try await client.manifest(of: reference), in: reference)
            return try await client.missingBlobs(of: image, in: reference)
        }
        await registry.stop()
        #expect(missing == [gone])
    }

    @Test("Field 9: a tag is read on a new connection, bypassing caches")
    func fresh() async throws {
        let registry = try await ScriptedRegistry.start(["latest": Self.image])
        let reference = try registry.reference()
        try await withRegistryClient { client in
            for _ in 1...3 {
                let digest = try await client.digest(ofTag: reference)
                #expect(digest == Self.image.digest)
            }
        }
        let reads = registry.seen.filter { $0.path.hasSuffix("/latest") }
        #expect(reads.count == 3)
        #expect(reads.allSatisfy { $0.header("cache-control") == "no-cache" })
        #expect(registry.host.accepted >= 3)
        await registry.stop()
    }
}

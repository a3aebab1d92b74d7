internal import Foundation
public import Shared

/// A real registry on loopback, with scratch storage.
public final class LocalRegistry: Sendable {
    /// `127.0.0.1:port`, the first part of image references.
    public let authority: String
    /// The authorization of the test's own requests.
    let authorization: [(String, String)]
    private let folder: TemporaryFolder
    private let running: RunningProgram

    /// The access control of a registry.
    public enum Admission: Sendable {
        case everybody
        /// The user `ci` with the password ``password``, from an htpasswd file.
        case password
        /// Holders of a token of this realm for `registry.test`, signed with this certificate.
        case token(realm: String, certificate: String, ownToken: String)
    }

    public static let user = "ci"
    public static let password = "s3cret-Pa55"

    private init(
        authority: String, authorization: [(String, String)], folder: TemporaryFolder, running: RunningProgram
    ) {
        self.authority = authority
        self.authorization = authorization
        self.folder = folder
        self.running = running
    }

    /// An address that the registry tells of every event.
    public struct Listener: Sendable {
        let url: String
        let token: String

        public init(url: String, token: String) {
            self.url = url
            self.token = token
        }
    }

    /// Starts it on a free port and waits until it answers.
    public static func start(
        _ admission: Admission = .everybody, notifying listener: Listener? = nil
    ) async throws -> LocalRegistry {
        let program = try Program.installed("docker-registry", remedy: "apt-get install docker-registry")
        let folder = try TemporaryFolder()
        let (auth, authorization) = try configuration(admission, folder)
        let notifications = listener.map { listener in
            """
            notifications:
              endpoints:
                - {name: test, url: "\(listener.url)", headers: {Authorization: [Bearer \(listener.token)]}, timeout: 1s, \
            threshold: 1, backoff: 1s}
            """
        }
        var last = ""
        for _ in 1...20 {
            // The registry does not report the port that it binds, so random ports are tried.
            let authority = "127.0.0.1:\(Int.random(in: 20_000..<32_000))"
            let configuration = try folder.write(
                "registry.yml",
                """
                version: 0.1
                log: {level: warn, accesslog: {disabled: true}}
                storage: {filesystem: {rootdirectory: \(folder.path("storage"))}, delete: {enabled: true}}
                http: {addr: \(authority)}
                \(auth)
                \(notifications ?? "")
                """)
            let running = try program.start(["serve", configuration])
            try await eventually("the registry answers, or ends", detail: { running.error }) {
                running.exitCode != nil || LoopbackRequest("GET", authority, "/v2/").answer() != nil
            }
            if running.exitCode == nil {
                return LocalRegistry(
                    authority: authority, authorization: authorization, folder: folder, running: running)
            }
            last = running.error
        }
        throw MissingPart("a registry that starts (\(last))", remedy: "apt-get install docker-registry")
    }

    /// Sends the registry's process a signal.
    public func signal(_ number: Int32) { running.signal(number) }

    private static func configuration(
        _ admission: Admission, _ folder: TemporaryFolder
    ) throws -> (text: String, authorization: [(String, String)]) {
        switch admission {
        case .everybody: return ("", [])
        case .password:
            // The password's bcrypt hash with the lowest cost.
            let file = try folder.write(
                "htpasswd", "\(user):$2y$05$abcdefghijklmnopqrstuuaa.ADHinTr43GDnwh7WUO1YHHk1hS02\n")
            let basic = Data("\(user):\(password)".utf8).base64EncodedString()
            return ("auth: {htpasswd: {realm: test, path: \(file)}}", [("Authorization", "Basic \(basic)")])
        case .token(let realm, let certificate, let ownToken):
            return (
                "auth: {token: {realm: \"\(realm)\", service: registry.test, issuer: test, rootcertbundle: \(certificate)}}",
                [("Authorization", "Bearer \(ownToken)")]
            )
        }
    }

    /// A manifest as stored.
    public struct Manifest: Sendable {
        public let digest: Digest
        public let mediaType: String
        public let bytes: [UInt8]
    }

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// Reads the manifest of a tag or a digest. Its digest is computed from the received bytes.
    public func manifest(_ repository: String, _ reference: String) throws -> Manifest {
        var request = LoopbackRequest("GET", authority, "/v2/\(repository)/manifests/\(reference)")
        request.headers = [
            (
                "Accept",
                "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
            )
        ]
        guard let answer = request.answer(), answer.status == 200, let mediaType = answer.headers["content-type"] else {
            throw Failure(description: "the registry has no \(repository):\(reference)")
        }
        guard let digest = Digest(sha256: SHA256.hash(answer.body)) else {
            preconditionFailure("a hash of another length")
        }
        return Manifest(digest: digest, mediaType: mediaType, bytes: answer.body)
    }

    /// Reads an index or a manifest.
    public func index(_ repository: String, _ reference: String) throws -> (mediaType: String, bytes: [UInt8]) {
        var request = LoopbackRequest("GET", authority, "/v2/\(repository)/manifests/\(reference)")
        request.headers = [("Accept", "\(MadeImage.ociIndex), \(MadeImage.ociManifest)")]
        guard let answer = request.answer(), answer.status == 200 else {
            throw Failure(description: "the registry has no \(repository):\(reference)")
        }
        return (answer.headers["content-type"] ?? "", answer.body)
    }

    /// Removes a manifest and all of its tags.
    public func delete(_ repository: String, _ digest: Digest) throws {
        let request = LoopbackRequest("DELETE", authority, "/v2/\(repository)/manifests/\(digest)")
        guard let answer = request.answer(), answer.status == 202 else {
            throw Failure(description: "the registry did not remove \(digest): \(request.answer()?.text ?? "")")
        }
    }

    /// Promotes: points a tag at the image of another reference, by digest, as a pipeline does. Nothing is pushed.
    ///
    /// - Returns: the promoted digest, read back from the tag.
    @discardableResult
    public func promote(_ repository: String, from reference: String, to tag: String = "latest") throws -> Digest {
        let manifest = try manifest(repository, reference)
        var request = LoopbackRequest("PUT", authority, "/v2/\(repository)/manifests/\(tag)")
        request.headers = [("Content-Type", manifest.mediaType)]
        request.body = manifest.bytes
        guard let answer = request.answer(), answer.status == 201 else {
            throw Failure(description: "the registry took no \(repository):\(tag)")
        }
        let readBack = try self.manifest(repository, tag).digest
        guard readBack == manifest.digest else {
            throw Failure(description: "\(repository):\(tag) is \(readBack), not \(manifest.digest)")
        }
        return readBack
    }
}

import Foundation
import Shared
import Support
import Synchronization

@testable import Registry
@testable import Transfer

/// A registry that serves made-up images, except where a script says otherwise; it remembers what it was asked.
final class ScriptedRegistry: Sendable {
    let host: ScriptedHost
    private let log: Log

    private final class Log: Sendable {
        let requests = Mutex<[ScriptedHostRequest]>([])
    }

    private init(host: ScriptedHost, log: Log) {
        self.host = host
        self.log = log
    }

    /// - Parameters:
    ///   - tags: what the repository `canvas` holds.
    ///   - script: nil for what an honest registry answers.
    static func start(
        _ tags: [String: MadeImage] = [:],
        _ script: @escaping @Sendable (ScriptedHostRequest) -> ScriptedHostAnswer? = { _ in nil }
    ) async throws -> ScriptedRegistry {
        let log = Log()
        var manifests: [String: MadeImage.Blob] = [:]
        var blobs: [String: MadeImage.Blob] = [:]
        func add(_ image: MadeImage) {
            manifests[image.digest.description] = image.manifest
            for blob in image.blobs { blobs[blob.digest.description] = blob }
            for child in image.children { add(child) }
        }
        for (tag, image) in tags {
            add(image)
            manifests[tag] = image.manifest
        }
        let (known, stored) = (manifests, blobs)
        let host = try await ScriptedHost.start { request in
            log.requests.withLock { $0.append(request) }
            if let answer = script(request) { return answer }
            let name = String(request.path.split(separator: "/").last ?? "")
            if request.path.contains("/manifests/"), request.method == "PUT" { return .status(201) }
            if request.path.contains("/manifests/"), let manifest = known[name] { return .manifest(manifest) }
            if request.path.contains("/blobs/"), let blob = stored[name] {
                return .answer(
                    status: 200, headers: [("Content-Type", "application/octet-stream")], body: blob.bytes)
            }
            return .answer(
                status: 404, headers: [("Content-Type", "application/json")],
                body: Array(#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"made up"}]}"#.utf8))
        }
        return ScriptedRegistry(host: host, log: log)
    }

    var seen: [ScriptedHostRequest] { log.requests.withLock { $0 } }
    var authority: String { "127.0.0.1:\(host.port)" }
    var url: String { "http://\(authority)" }

    func reference(_ rest: String = ":latest") throws -> ImageReference {
        guard let reference = ImageReference(parsing: "\(authority)/canvas\(rest)") else {
            throw MadeUpFailure(description: "no reference: \(rest)")
        }
        return reference
    }

    func stop() async { await host.stop() }
}

struct MadeUpFailure: Error, CustomStringConvertible {
    let description: String
}

extension ScriptedHostAnswer {
    static func manifest(_ blob: MadeImage.Blob, digest: String? = nil) -> ScriptedHostAnswer {
        .answer(
            status: 200,
            headers: [
                ("Content-Type", blob.mediaType), ("Docker-Content-Digest", digest ?? blob.digest.description),
            ], body: blob.bytes)
    }

    static func challenge(_ text: String) -> ScriptedHostAnswer {
        .answer(status: 401, headers: [("WWW-Authenticate", text)], body: [])
    }
}

/// Asks as the commands do, in the clear, with credentials of this text if any.
func withRegistryClient<Value: Sendable>(
    credentials file: String? = nil, environment: [String: String] = [:], within limit: Duration = .seconds(60),
    isPlain: Bool = true, _ body: (RegistryClient) async throws -> Value
) async throws -> Value {
    let folder = try TemporaryFolder()
    let path = try file.map { try folder.write("auth.json", $0) }
    let web = try WebClient()
    let access = RegistryAccess(
        usesPlainHTTP: isPlain, credentials: CredentialSources(flag: path, environment: environment))
    let client = RegistryClient(web: web, access: access, deadline: .now + limit)
    do {
        let value = try await body(client)
        await web.close()
        return value
    } catch {
        await web.close()
        throw error
    }
}

/// The error that a read ends with; nil where it succeeds.
func registryError(_ body: () async throws -> Void) async throws -> RegistryError? {
    do {
        try await body()
        return nil
    } catch let error as RegistryError {
        return error
    }
}

enum MadeUpCredentials {
    static let user = "ci"
    static let password = "s3cret-Pa55"
    static let basic = Data("\(user):\(password)".utf8).base64EncodedString()

    static func file(for registry: String) -> String { #"{"auths":{"\#(registry)":{"auth":"\#(basic)"}}}"# }
}

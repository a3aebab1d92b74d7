internal import Foundation
public import Shared
internal import Synchronization

/// A registry in memory whose answers a test can falsify, drop, or race with other writes.
public final class MemoryRegistry: Sendable {
    private struct State {
        var tags: [String: Digest] = [:]
        var manifests: [Digest: MadeImage.Blob] = [:]
        var blobs: [Digest: MadeImage.Blob] = [:]
        var asked: [ScriptedHostRequest] = []
        var script: Script = { _, _ in .honest }
        var nature = Nature()
        /// The former digest of each tag, and the time of its last write.
        var former: [String: (digest: Digest?, at: ContinuousClock.Instant)] = [:]
    }

    /// The deviations from the specification's registry.
    public struct Nature: Sendable {
        /// The time for which a tag shows its former digest after a write.
        public var lag = Duration.zero
        /// True if a manifest is removed as soon as neither a tag nor a tagged index refers to it.
        public var removesUntagged = false
        /// True if a manifest is accepted only if all of its parts exist.
        public var checksParts = false
        /// The content type of all manifests; empty to omit it, nil for each manifest's own.
        public var contentType: String?

        public init() {}
    }

    public func change(_ body: @Sendable (inout Nature) -> Void) { state.value.withLock { body(&$0.nature) } }

    /// Removes a blob.
    public func remove(blob: Digest) { state.value.withLock { $0.blobs[blob] = nil } }
    public func has(_ digest: Digest) -> Bool { state.value.withLock { $0.manifests[digest] != nil } }

    /// The treatment of a request.
    public indirect enum Behaviour: Sendable {
        case honest
        /// Performs the request, but sends this answer.
        case doneBut(ScriptedHostAnswer)
        /// Sends this answer without performing the request.
        case instead(ScriptedHostAnswer)
        /// Performs and answers the request, then calls the closure.
        case honestThen(@Sendable () -> Void)
    }

    /// - Parameters:
    ///   - number: the number of the request, from 1.
    public typealias Script = @Sendable (_ request: ScriptedHostRequest, _ number: Int) -> Behaviour

    private let host: ScriptedHost
    private let state: Box
    private final class Box: Sendable { let value = Mutex(State()) }

    private init(host: ScriptedHost, state: Box) {
        self.host = host
        self.state = state
    }

    public static func start() async throws -> MemoryRegistry {
        let state = Box()
        let host = try await ScriptedHost.start { request in
            let (number, script) = state.value.withLock { state in
                state.asked.append(request)
                return (state.asked.count, state.script)
            }
            switch script(request, number) {
            case .honest: return state.value.withLock { answer(request, &$0) }
            case .doneBut(let answer):
                _ = state.value.withLock { Self.answer(request, &$0) }
                return answer
            case .instead(let answer): return answer
            case .honestThen(let next):
                let answer = state.value.withLock { Self.answer(request, &$0) }
                next()
                return answer
            }
        }
        return MemoryRegistry(host: host, state: state)
    }

    public var authority: String { "127.0.0.1:\(host.port)" }
    public var asked: [ScriptedHostRequest] { state.value.withLock { $0.asked } }

    /// The number of manifests written.
    public var writes: Int { asked.count { $0.method == "PUT" } }

    public func behave(_ script: @escaping Script) { state.value.withLock { $0.script = script } }

    /// Stores an image, under a tag if given.
    public func push(_ image: MadeImage, _ tag: String? = nil) {
        state.value.withLock { state in
            Self.keep(image, &state)
            guard let tag else { return }
            Self.write(tag, image.digest, &state)
            // A test's push is visible at once, without the lag.
            state.former[tag] = nil
        }
    }

    /// Removes a tag.
    public func remove(tag: String) { state.value.withLock { $0.tags[tag] = nil } }

    public func tag(_ tag: String) -> Digest? { state.value.withLock { $0.tags[tag] } }

    public func bytes(_ digest: Digest) -> [UInt8]? { state.value.withLock { $0.manifests[digest]?.bytes } }

    public func stop() async { await host.stop() }

    private static func keep(_ image: MadeImage, _ state: inout State) {
        state.manifests[image.digest] = image.manifest
        for blob in image.blobs { state.blobs[blob.digest] = blob }
        for child in image.children { keep(child, &state) }
    }

    private static func write(_ tag: String, _ digest: Digest, _ state: inout State) {
        state.former[tag] = (state.tags[tag], .now)
        state.tags[tag] = digest
        guard state.nature.removesUntagged else { return }
        var named = Set(state.tags.values)
        var waiting = Array(named)
        while let next = waiting.popLast() {
            guard let manifest = state.manifests[next] else { continue }
            for part in parts(manifest.bytes) where named.insert(part).inserted { waiting.append(part) }
        }
        state.manifests = state.manifests.filter { named.contains($0.key) }
    }

    /// All digests that a manifest refers to.
    private static func parts(_ bytes: [UInt8]) -> [Digest] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\"").compactMap { try? Digest(parsing: String($0)) }
    }

    private static func answer(_ request: ScriptedHostRequest, _ state: inout State) -> ScriptedHostAnswer {
        let parts = request.path.split(separator: "/").map(String.init)
        guard let name = parts.last else { return .status(404) }
        if parts == ["v2"] { return .json("{}") }
        let digest = try? Digest(parsing: name)
        if request.path.hasSuffix("/tags/list") {
            let names = state.tags.keys.sorted().map { "\"\($0)\"" }.joined(separator: ",")
            return .json("{\"name\":\"canvas\",\"tags\":[\(names)]}")
        }
        if request.path.contains("/blobs/") {
            guard let blob = digest.flatMap({ state.blobs[$0] }) else { return .status(404) }
            return .answer(status: 200, headers: [("Content-Type", "application/octet-stream")], body: blob.bytes)
        }
        if request.method == "PUT" {
            guard let hash = Digest(sha256: SHA256.hash(request.body)) else { return .status(500) }
            let type = request.header("content-type") ?? ""
            let isWhole = Self.parts(request.body).allSatisfy { state.manifests[$0] != nil || state.blobs[$0] != nil }
            guard isWhole || !state.nature.checksParts else {
                return .answer(
                    status: 400, headers: [("Content-Type", "application/json")],
                    body: Array(#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"made up"}]}"#.utf8))
            }
            state.manifests[hash] = .init(String(decoding: request.body, as: UTF8.self), mediaType: type)
            if digest == nil { write(name, hash, &state) }
            return .answer(status: 201, headers: [("Docker-Content-Digest", "\(hash)")], body: [])
        }
        var shown = digest ?? state.tags[name]
        if digest == nil, let former = state.former[name], .now - former.at < state.nature.lag { shown = former.digest }
        guard let found = shown, let manifest = state.manifests[found] else {
            return .answer(
                status: 404, headers: [("Content-Type", "application/json")],
                body: Array(#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"made up"}]}"#.utf8))
        }
        return .answer(
            status: 200,
            headers: (state.nature.contentType == ""
                ? [] : [("Content-Type", state.nature.contentType ?? manifest.mediaType)])
                + [("Docker-Content-Digest", "\(found)")],
            body: manifest.bytes)
    }
}

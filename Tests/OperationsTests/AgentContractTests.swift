import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Transfer
@testable import Verdict

/// Documents of agents of other versions, judged by this collector: what it understands proves a host, and what it does not
/// understand never does.
@Suite("Contract with agents of other versions", .timeLimit(.minutes(3)))
struct AgentContractTests {
    private static let sha = "c0ffee5eed1234567890abcdef1234567890abcd"

    private static func recorded(_ name: String) throws -> [String: Any] {
        let path = try SourceTree.path("Tests/OperationsTests/AgentDocuments/\(name).json")
        let object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
        return try #require(object as? [String: Any])
    }

    /// The statuses of hosts that answer with these documents, until they are proven or the time is up.
    private static func judge(
        _ documents: [[String: Any]], sha: String = sha, digest: Digest? = nil, for timeout: Duration = .seconds(60)
    ) async throws -> Verification {
        // The clock fields are those of a live agent.
        let bodies = try documents.map { $0.merging(["age_seconds": 0.001]) { $1 } }.map {
            try JSONSerialization.data(withJSONObject: $0, options: .sortedKeys)
        }
        .map { String(decoding: $0, as: UTF8.self) }
        let host = try await ScriptedHost.start { request in
            let index = (Int(request.localAddress.split(separator: ".").last ?? "") ?? 1) - 1
            guard bodies.indices.contains(index) else { return .status(404) }
            return .json(
                bodies[index].replacing("\"recorded\"", with: "\"\(request.query("nonce") ?? "")\"")
                    .replacing("id-of-", with: "id-\(index)-of-"))
        }
        let verification = Verification(
            target: Target(service: "canvas", gitSHA: GitSHA(contractText: sha), digest: digest),
            hosts: documents.indices.map { ExpectedHost(name: "host-\($0)", url: host.url(host: $0)) },
            policy: Policy(
                timeout: timeout, interval: .milliseconds(300), soak: .milliseconds(600), stall: .seconds(60)))
        let (ended, _) = try await FleetSession.run(verification)
        await host.stop()
        return ended
    }

    // MARK: - Earlier

    @Test("A document of agent 0.1.0 proves its host by commit and digest", arguments: ["engine-0.1.0", "file-0.1.0"])
    func recorded(_ name: String) async throws {
        let document = try Self.recorded(name)
        let digest = try #require((document["digest"] as? String).flatMap(Digest.init(contractText:)))
        let ended = try await Self.judge(
            [document], sha: try #require(document["git_sha"] as? String), digest: digest)
        #expect(ended.conclusion?.verdict == .converged, "\(ended.tracks[0].status)")
        #expect(ended.tracks[0].lastAnswer.agentVersion == "0.1.0")
    }

    @Test("A document without a commit proves nothing, and its reason repeats the agent's")
    func unlabelled() async throws {
        var document = try Self.recorded("engine-unlabelled-0.1.0")
        document["service"] = "canvas"
        let ended = try await Self.judge([document], for: .seconds(5))
        #expect(ended.conclusion?.exitCode == 30)
        let reason = ended.tracks[0].reason(at: .seconds(10), policy: ended.policy)
        #expect(reason.text.sentence.contains("org.opencontainers.image.revision"), "\(reason.text.sentence)")
    }

    @Test("A document without the members that the contract gained since its first version proves its host")
    func older() async throws {
        var document = try Self.recorded("engine-0.1.0")
        document["agent"] = ["version": "0.0.9", "uptime_seconds": 1.5]
        var engine = try #require(document["engine"] as? [String: Any])
        engine["platform"] = nil
        document["engine"] = engine
        document["instances"] = try #require(document["instances"] as? [[String: Any]]).map { instance in
            instance.filter { !["deployment", "project", "health_output", "error"].contains($0.key) }
        }
        let ended = try await Self.judge([document])
        #expect(ended.conclusion?.verdict == .converged)
        #expect(ended.tracks[0].lastAnswer.agentVersion == "0.0.9")
    }

    // MARK: - Later

    /// Adds a member to every object of a document.
    private static func extended(_ value: Any) -> Any {
        if let list = value as? [Any] { return list.map(extended) }
        guard let object = value as? [String: Any] else { return value }
        var extended = object.mapValues(Self.extended)
        extended["x_later"] = ["nested": [1, 2.5, NSNull(), ["deep": true]], "text": "serving"] as [String: Any]
        return extended
    }

    /// A document with another value at a path of keys; `0` is the first element of a list.
    private static func changed(_ document: Any, _ path: [String], to value: Any) throws -> Any {
        guard let key = path.first else { return value }
        let rest = Array(path.dropFirst())
        if var list = document as? [Any] {
            let index = try #require(Int(key))
            list[index] = try changed(list[index], rest, to: value)
            return list
        }
        var object = try #require(document as? [String: Any], "\(path)")
        object[key] = try changed(object[key] ?? [String: Any](), rest, to: value)
        return object
    }

    @Test("Unknown members of a later agent change nothing, at any depth")
    func unknownMembers() async throws {
        var document = try #require(Self.extended(try Self.recorded("engine-0.1.0")) as? [String: Any])
        document["agent"] = ["version": "0.2.0", "uptime_seconds": 1, "commit": "abc"] as [String: Any]
        let ended = try await Self.judge([document])
        #expect(ended.conclusion?.verdict == .converged)
        #expect(ended.tracks[0].lastAnswer.agentVersion == "0.2.0")
    }

    private static let laterValues: [(path: [String], value: String)] = [
        (["state"], "draining"), (["instances", "0", "state"], "draining"), (["instances", "0", "health"], "degraded"),
        (["engine", "name"], "containerd"), (["engine", "store"], "later"),
        (["instances", "0", "image", "origin"], "mirror"),
        (["instances", "0", "image", "digests", "1", "kind"], "artifact"),
        (["instances", "0", "image", "digests", "1", "source"], "later.Field"),
        (["served"], "later"), (["schema"], "2"),
    ]

    @Test("A value that only a later agent knows never proves a host, whichever member has it")
    func unknownValues() async throws {
        let document = try Self.recorded("engine-0.1.0")
        var documents = try Self.laterValues.map { path, value in
            try #require(try Self.changed(document, path, to: value) as? [String: Any])
        }
        documents.append(try #require(try Self.changed(document, ["schema"], to: 2) as? [String: Any]))
        documents.append(
            try #require(
                try Self.changed(
                    document, ["served"], to: ["url": "http://127.0.0.1/", "outcome": "later"] as [String: Any])
                    as? [String: Any]))
        // The rest of the fleet is not affected.
        documents.append(document)
        let ended = try await Self.judge(documents, for: .seconds(10))
        #expect(ended.conclusion?.exitCode == 30, "\(String(describing: ended.conclusion))")
        for (index, track) in ended.tracks.dropLast().enumerated() {
            let what = index < Self.laterValues.count ? Self.laterValues[index].path.joined(separator: ".") : "\(index)"
            #expect(track.status == .agentError, "\(what): \(track.status)")
            #expect(track.facts.reach == .notBuildinfo && !track.facts.build.isMatch, "\(what)")
        }
        #expect(ended.tracks.last?.facts.build.isMatch == true)
        let schema = ended.tracks[Self.laterValues.count].reason(at: .seconds(10), policy: ended.policy).text.sentence
        #expect(schema.contains("update the collector"), "\(schema)")
    }

    @Test("Words that decide nothing may be new: a deployment tool, a reason to leave a container out")
    func unknownWords() async throws {
        var document = try Self.recorded("engine-0.1.0")
        document = try #require(
            try Self.changed(document, ["instances", "0", "deployment", "tool"], to: "later") as? [String: Any])
        document["left_out"] = [
            ["id": String(repeating: "d", count: 64), "name": "old", "reason": "later", "state": "exited"]
        ]
        let ended = try await Self.judge([document])
        #expect(ended.conclusion?.verdict == .converged)
    }
}

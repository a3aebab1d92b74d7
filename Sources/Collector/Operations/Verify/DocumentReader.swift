import Shared
import Synchronization

/// Reads ordinary buildinfo documents in one pass, at a fraction of the cost of `JSONDecoder`.
///
/// It only accepts: whatever it returns, `JSONDecoder` would return, too. For anything unusual it returns nil, and
/// `JSONDecoder` decides and explains.
final class DocumentReader: Sendable {
    /// One for each reading under way.
    private let tables = Mutex<[InternTables]>([])

    /// The document in a response's body; nil if it is unusual or not a document.
    func read(_ body: [UInt8]) -> LocatedDocument? {
        body.withUnsafeBufferPointer { bytes in
            var pass = DocumentPass(
                cursor: JSONCursor(bytes), tables: tables.withLock { $0.popLast() } ?? InternTables())
            defer {
                let used = pass.tables
                tables.withLock { $0.append(used) }
            }
            do { return try pass.read() } catch { return nil }
        }
    }
}

/// A document, and where its body holds the values that change from one answer to the next.
struct LocatedDocument: Sendable {
    var document: Document
    /// The ranges of the values in the body, with the quotes of strings; in any order.
    var places: [(place: DocumentLayout.Place, range: Range<Int>)]
}

/// The texts that the hosts of a fleet share.
private struct InternTables: Sendable {
    var texts = InternTable<String>()
    var commits = InternTable<Reported<GitSHA>>()
    var digests = InternTable<Reported<Digest>>()
}

/// One pass over one body.
///
/// Each member may appear once; a second one is unusual, as is a required one that is missing.
private struct DocumentPass {
    var cursor: JSONCursor
    var tables: InternTables
    /// See ``LocatedDocument/places``.
    private var places: [(place: DocumentLayout.Place, range: Range<Int>)] = []

    init(cursor: JSONCursor, tables: InternTables) {
        self.cursor = cursor
        self.tables = tables
    }

    mutating func read() throws(UnusualInput) -> LocatedDocument {
        var schema: Int?
        var service: String?
        var gitSHA: Reported<GitSHA>?
        var digest: Reported<Digest>?
        var state: ServiceState?
        var reason: String??
        var host: HostIdentity?
        var instances: [Instance]?
        var instancesExpected: Int??
        var leftOut: [LeftOutContainer]??
        var engine: EngineIdentity??
        var served: ProbeResult??
        var observedAt: String?
        var age: Double?
        var nonce: String??
        var agent: AgentIdentity?
        places.reserveCapacity(5)
        try cursor.expect("{")
        var isFirst = true
        while let name = try cursor.nextName(&isFirst) {
            let start = cursor.offset
            switch name {
            case "schema": try once(&schema, cursor.integer())
            case "service": try once(&service, shared())
            case "git_sha": try once(&gitSHA, commit())
            case "digest": try once(&digest, reportedDigest())
            case "state": try once(&state, self.state())
            case "reason": try once(&reason, orNull { pass throws(UnusualInput) in try pass.text() })
            case "host": try once(&host, hostIdentity())
            case "instances": try once(&instances, list { pass throws(UnusualInput) in try pass.instance() })
            case "instances_expected": try once(&instancesExpected, integerOrNull())
            case "left_out":
                try once(
                    &leftOut,
                    orNull { pass throws(UnusualInput) in
                        try pass.list { pass throws(UnusualInput) in try pass.leftOutContainer() }
                    })
            case "engine": try once(&engine, orNull { pass throws(UnusualInput) in try pass.engineIdentity() })
            case "served": try once(&served, orNull { pass throws(UnusualInput) in try pass.probeResult() })
            case "observed_at":
                try once(&observedAt, text())
                places.append((.observedAt, start..<cursor.offset))
            case "age_seconds":
                try once(&age, cursor.double())
                places.append((.age, start..<cursor.offset))
            case "nonce":
                try once(&nonce, textOrNull())
                places.append((.nonce, start..<cursor.offset))
            case "agent": try once(&agent, agentIdentity())
            default: try cursor.skipValue()
            }
        }
        try cursor.end()
        guard schema == Document.schema, let service, let gitSHA, let digest, let state, let host, let instances,
            let observedAt, let age, let agent
        else { throw UnusualInput() }
        var document = Document(
            service: service, gitSHA: nil, digest: nil, state: state, reason: reason ?? nil, host: host,
            instances: instances, instancesExpected: instancesExpected ?? nil, leftOut: (leftOut ?? nil) ?? [],
            engine: engine ?? nil, served: served ?? nil, observedAt: observedAt, ageSeconds: age,
            nonce: nonce ?? nil, agent: agent)
        document.gitSHA = gitSHA
        document.digest = digest
        return LocatedDocument(document: document, places: places)
    }

    // MARK: - Objects

    private mutating func hostIdentity() throws(UnusualInput) -> HostIdentity {
        var id: String?
        var hostName: String?
        var bootID: String?
        try cursor.expect("{")
        var isFirst = true
        while let name = try cursor.nextName(&isFirst) {
            switch name {
            case "id": try once(&id, text())
            case "name": try once(&hostName, text())
            case "boot_id": try once(&bootID, text())
            default: try cursor.skipValue()
            }
        }
        guard let id, let hostName, let bootID else { throw UnusualInput() }
        return HostIdentity(id: id, name: hostName, bootID: bootID)
    }

    private mutating func engineIdentity() throws(UnusualInput) -> EngineIdentity {
        var engine: EngineIdentity.Name?
        var store: EngineIdentity.Store?
        var version: String??
        var apiVersion: String??
        var platform: String??
        try cursor.expect("{")
        var isFirst = true
        while let name = try cursor.nextName(&isFirst) {
            switch name {
            case "name": try once(&engine, word())
            case "store": try once(&store, word())
            case "version": try once(&version, sharedOrNull())
            case "api_version": try once(&apiVersion, sharedOrNull())
            case "platform": try once(&platform, sharedOrNull())
            default: try cursor.skipValue()
            }
        }
        guard let engine, let store else { throw UnusualInput() }
        return EngineIdentity(
            name: engine, store: store, version: version ?? nil, apiVersion: apiVersion ?? nil,
            platform: platform ?? nil)
    }

    private mutating func agentIdentity() throws(UnusualInput) -> AgentIdentity {
        var version: String?
        var uptime: Double?
        try cursor.expect("{")
        var isFirst = true
        while let name = try cursor.nextName(&isFirst) {
            switch name {
            case "version": try once(&version, shared())
            case "uptime_seconds":
                let start = cursor.offset
                try once(&uptime, cursor.double())
                places.append((.uptime, start..<cursor.offset))
            default: try cursor.skipValue()
            }
        }
        guard let version, let uptime else { throw UnusualInput() }
        return AgentIdentity(version: version, uptimeSeconds: uptime)
    }

    private mutating func probeResult() throws(UnusualInput) -> ProbeResult {
        var url: String?
        var outcome: ProbeResult.Outcome?
        var status: Int??
        var gitSHA: Reported<GitSHA>?
        var latency: Double??
        var latencyPlace = 0..<0
        try cursor.expect("{")
        var isFirst = true
        while let name = try cursor.nextName(&isFirst) {
            switch name {
            case "url": try once(&url, shared())
            case "outcome": try once(&outcome, word())
            case "status": try once(&status, integerOrNull())
            case "git_sha": try once(&gitSHA, commit())
            case "latency_seconds":
                let start = cursor.offset
                try once(&latency, orNull { pass throws(UnusualInput) in try pass.cursor.double() })
                latencyPlace = start..<cursor.offset
            default: try cursor.skipValue()
            }
        }
        guard let url, let outcome else { throw UnusualInput() }
        // A failed probe is part of the host's reason, with its latency.
        if outcome == .ok, case .some(.some) = latency { places.append((.latency, latencyPlace)) }
        return ProbeResult(
            url: url, outcome: outcome, status: status ?? nil, gitSHA: gitSHA, latencySeconds: latency ?? nil)
    }

    private mutating func instance() throws(UnusualInput) -> Instance {
        var id: String?
        var containerName: String?
        var project: String??
        var deployment: Instance.Deployment??
        var state: ServiceState?
        var health: Instance.Health??
        var healthOutput: String??
        var startedAt: String??
        var restartCount: Int??
        var exitCode: Int??
        var oomKilled: Bool??
        var error: String??
        var gitSHA: Reported<GitSHA>?
        var image: ImageEvidence?
        try cursor.expect("{")
        var isFirst = true
        while let name = try cursor.nextName(&isFirst) {
            switch name {
            case "id": try once(&id, text())
            case "name": try once(&containerName, shared())
            case "project": try once(&project, sharedOrNull())
            case "deployment": try once(&deployment, orNull { pass throws(UnusualInput) in try pass.deployment() })
            case "state": try once(&state, self.state())
            case "health": try once(&health, orNull { pass throws(UnusualInput) in try pass.word() })
            case "health_output": try once(&healthOutput, textOrNull())
            case "started_at": try once(&startedAt, textOrNull())
            case "restart_count": try once(&restartCount, integerOrNull())
            case "exit_code": try once(&exitCode, integerOrNull())
            case "oom_killed":
                try once(&oomKilled, orNull { pass throws(UnusualInput) in try pass.cursor.boolean() })
            case "error": try once(&error, textOrNull())
            case "git_sha": try once(&gitSHA, commit())
            case "image": try once(&image, imageEvidence())
            default: try cursor.skipValue()
            }
        }
        guard let id, let containerName, let state, let gitSHA, let image else { throw UnusualInput() }
        return Instance(
            id: id, name: containerName, project: project ?? nil, deployment: deployment ?? nil, state: state,
            health: health ?? nil, healthOutput: healthOutput ?? nil, startedAt: startedAt ?? nil,
            restartCount: restartCount ?? nil, exitCode: exitCode ?? nil, oomKilled: oomKilled ?? nil,
            error: error ?? nil, gitSHA: gitSHA, image: image)
    }

    private mutating func deployment() throws(UnusualInput) -> Instance.Deployment {
        var tool: String?
        var group: String??
        var unit: String??
        var directory: String??
        var files: [String]??
        try cursor.expect("{")
        var isFirst = true
        while let name = try cursor.nextName(&isFirst) {
            switch name {
            case "tool": try once(&tool, shared())
            case "group": try once(&group, sharedOrNull())
            case "name": try once(&unit, sharedOrNull())
            case "directory": try once(&directory, sharedOrNull())
            case "files":
                try once(
                    &files,
                    orNull { pass throws(UnusualInput) in
                        try pass.list { pass throws(UnusualInput) in try pass.shared() }
                    })
            default: try cursor.skipValue()
            }
        }
        guard let tool else { throw UnusualInput() }
        return Instance.Deployment(
            tool: Instance.Deployment.Tool(rawValue: tool) ?? .other, group: group ?? nil, name: unit ?? nil,
            directory: directory ?? nil, files: (files ?? nil) ?? [])
    }

    private mutating func leftOutContainer() throws(UnusualInput) -> LeftOutContainer {
        var id: String?
        var containerName: String?
        var project: String??
        var reason: String?
        var state: ServiceState?
        var exitCode: Int??
        var restartCount: Int??
        try cursor.expect("{")
        var isFirst = true
        while let name = try cursor.nextName(&isFirst) {
            switch name {
            case "id": try once(&id, text())
            case "name": try once(&containerName, text())
            case "project": try once(&project, sharedOrNull())
            case "reason": try once(&reason, shared())
            case "state": try once(&state, self.state())
            case "exit_code": try once(&exitCode, integerOrNull())
            case "restart_count": try once(&restartCount, integerOrNull())
            default: try cursor.skipValue()
            }
        }
        guard let id, let containerName, let reason, let state else { throw UnusualInput() }
        return LeftOutContainer(
            id: id, name: containerName, project: project ?? nil,
            reason: LeftOutContainer.Reason(rawValue: reason) ?? .other, state: state, exitCode: exitCode ?? nil,
            restartCount: restartCount ?? nil)
    }

    private mutating func imageEvidence() throws(UnusualInput) -> ImageEvidence {
        var reference: String?
        var platform: String??
        var origin: ImageEvidence.Origin?
        var digests: [DigestEvidence]?
        var tagMoved: Bool?
        try cursor.expect("{")
        var isFirst = true
        while let name = try cursor.nextName(&isFirst) {
            switch name {
            case "reference": try once(&reference, shared())
            case "platform": try once(&platform, sharedOrNull())
            case "origin": try once(&origin, word())
            case "digests": try once(&digests, list { pass throws(UnusualInput) in try pass.digestEvidence() })
            case "tag_moved": try once(&tagMoved, cursor.boolean())
            default: try cursor.skipValue()
            }
        }
        guard let reference, let origin, let digests, let tagMoved else { throw UnusualInput() }
        return ImageEvidence(
            reference: reference, platform: platform ?? nil, origin: origin, digests: digests, tagMoved: tagMoved)
    }

    private mutating func digestEvidence() throws(UnusualInput) -> DigestEvidence {
        var digest: Digest?
        var kind: DigestEvidence.Kind?
        var repository: String??
        var source: DigestEvidence.Source?
        try cursor.expect("{")
        var isFirst = true
        while let name = try cursor.nextName(&isFirst) {
            switch name {
            case "digest":
                guard let value = try reportedDigest().value else { throw UnusualInput() }
                try once(&digest, value)
            case "kind": try once(&kind, word())
            case "repository": try once(&repository, sharedOrNull())
            case "source": try once(&source, word())
            default: try cursor.skipValue()
            }
        }
        guard let digest, let kind, let source else { throw UnusualInput() }
        return DigestEvidence(digest: digest, kind: kind, repository: repository ?? nil, source: source)
    }

    // MARK: - Values

    private func once<Value>(_ member: inout Value?, _ value: Value) throws(UnusualInput) {
        guard member == nil else { throw UnusualInput() }
        member = .some(value)
    }

    private mutating func orNull<Value>(
        _ read: (inout Self) throws(UnusualInput) -> Value
    ) throws(UnusualInput) -> Value? {
        try cursor.takeNull() ? nil : try read(&self)
    }

    private mutating func list<Value>(
        _ read: (inout Self) throws(UnusualInput) -> Value
    ) throws(UnusualInput) -> [Value] {
        try cursor.expect("[")
        var values: [Value] = []
        var isFirst = true
        while try cursor.nextElement(&isFirst) { values.append(try read(&self)) }
        return values
    }

    /// A text that is the host's own.
    private mutating func text() throws(UnusualInput) -> String { try cursor.text().string() }

    private mutating func textOrNull() throws(UnusualInput) -> String? {
        try cursor.takeNull() ? nil : try text()
    }

    /// A text that other hosts report, too.
    private mutating func shared() throws(UnusualInput) -> String {
        try tables.texts.value(try cursor.text()) { text throws(UnusualInput) in text }
    }

    private mutating func sharedOrNull() throws(UnusualInput) -> String? {
        try cursor.takeNull() ? nil : try shared()
    }

    private mutating func integerOrNull() throws(UnusualInput) -> Int? {
        try cursor.takeNull() ? nil : try cursor.integer()
    }

    private mutating func commit() throws(UnusualInput) -> Reported<GitSHA> {
        if try cursor.takeNull() { return .absent }
        return try tables.commits.value(try cursor.text()) { text throws(UnusualInput) in
            GitSHA(contractText: text).map(Reported.known) ?? .unusable(text)
        }
    }

    private mutating func reportedDigest() throws(UnusualInput) -> Reported<Digest> {
        if try cursor.takeNull() { return .absent }
        return try tables.digests.value(try cursor.text()) { text throws(UnusualInput) in
            Digest(contractText: text).map(Reported.known) ?? .unusable(text)
        }
    }

    private mutating func state() throws(UnusualInput) -> ServiceState {
        let text = try cursor.text()
        if "serving" ~= text { return .serving }
        guard let state = ServiceState(rawValue: try text.string()) else { throw UnusualInput() }
        return state
    }

    /// One of an enumeration's words.
    private mutating func word<Value: RawRepresentable>() throws(UnusualInput) -> Value
    where Value.RawValue == String {
        guard let value = Value(rawValue: try shared()) else { throw UnusualInput() }
        return value
    }
}

import CollectorSupport
import Foundation
import HTTPTypes
import Inventory
import Operations
import Shared
import Verdict

/// The body of `POST /api/v1/verifications`.
struct VerificationRequest: Hashable, Sendable {
    let deployed: DeployedService
    let gitSHA: GitSHA?
    let digest: Digest?
    /// The image that the registry is asked about; nil if the target comes from the request alone.
    let image: ImageReference?
    /// The manifests of the digest, which hosts may serve in its place; nil if they are unknown.
    let content: PromotedContent?
    /// What moved the tag to the build; nil if the request does not say.
    let change: JournalEntry.Kind?
    /// How often a request can have each host asked, unless the fleet's policy asks more often.
    private static let shortestInterval = Duration.milliseconds(500)

    /// The values as the body states them.
    let policy: [PolicyKey: [String]]
    /// A hash of everything that the request asks for.
    let fingerprint: String

    private struct Body: Decodable {
        let service: String
        let environment: String?
        let gitSHA: String?
        let digest: String?
        let image: String?
        let content: PromotedContent?
        let change: String?
        let policy: [String: Values]?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case service, environment, digest, image, content, change, policy
            case gitSHA = "git_sha"
        }
    }

    /// A text or a number.
    private struct Value: Decodable {
        let text: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                text = "\(number)"
            } else {
                text = try container.decode(String.self)
            }
        }
    }

    /// A value, or a list of values.
    private struct Values: Decodable {
        let texts: [String]

        init(from decoder: any Decoder) throws {
            if let list = try? decoder.singleValueContainer().decode([Value].self) {
                texts = list.map(\.text)
            } else {
                texts = [try Value(from: decoder).text]
            }
        }
    }

    /// Any key of an object.
    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private struct Names: Decodable {
        let names: [String]
        init(from decoder: any Decoder) throws {
            names = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
        }
    }

    /// - Throws: ``Problem`` with the key and the remedy.
    init(_ bytes: [UInt8]) throws(Problem) {
        let body: Body
        let names: [String]
        do {
            names = try JSONDecoder().decode(Names.self, from: Data(bytes)).names
            body = try JSONDecoder().decode(Body.self, from: Data(bytes))
        } catch {
            throw Problem(
                .badRequest, "the body is not a JSON object with the expected types",
                remedy: "send {\"service\": \"canvas\", \"environment\": \"production\", \"git_sha\": \"…\"}")
        }
        let known = Body.CodingKeys.allCases.map(\.rawValue)
        if let unknown = names.sorted().first(where: { !known.contains($0) }) {
            let near = Suggestion.question(about: unknown, among: known)
            throw Problem(
                .badRequest, "unknown key '\(unknown)'",
                remedy: near ?? "known keys are \(known.joined(separator: ", "))")
        }
        guard ServiceName.isUsable(body.service) else {
            throw .invalid("service", body.service, expected: "a service's name")
        }
        guard let environment = EnvironmentName(body.environment ?? EnvironmentName.standard.description) else {
            throw .invalid(
                "environment", body.environment ?? "", expected: "letters, digits, '.', '_' and '-', at most 128")
        }
        deployed = DeployedService(body.service, in: environment)
        do throws(GitSHA.ParseError) {
            gitSHA = try body.gitSHA.map { text throws(GitSHA.ParseError) in try GitSHA(parsing: text) }
        } catch {
            throw .invalid("git_sha", body.gitSHA ?? "", expected: "the full commit id, as git rev-parse prints it")
        }
        do throws(Digest.ParseError) {
            digest = try body.digest.map { text throws(Digest.ParseError) in try Digest(parsing: text) }
        } catch {
            throw .invalid("digest", body.digest ?? "", expected: "sha256: and 64 hexadecimal digits")
        }
        image = body.image.flatMap { ImageReference(parsing: $0) }
        if let text = body.image, image == nil {
            throw .invalid("image", text, expected: "a reference, for example registry.example/team/canvas:latest")
        }
        guard gitSHA != nil || digest != nil || image != nil else {
            throw Problem(.badRequest, "the request has no target", remedy: "send git_sha, digest, or image")
        }
        guard body.content == nil || digest != nil && image == nil else {
            throw Problem(
                .badRequest, "content needs its digest, and cannot be sent with an image",
                remedy: "send digest and content, or image alone")
        }
        content = body.content
        change = body.change.flatMap(JournalEntry.Kind.init(rawValue:))
        if let text = body.change, change == nil {
            throw .invalid("change", text, expected: "promotion or rollback")
        }
        var policy: [PolicyKey: [String]] = [:]
        for (name, value) in body.policy ?? [:] {
            guard let key = PolicyKey(rawValue: name) else {
                let known = PolicyKey.allCases.map(\.rawValue)
                let near = Suggestion.question(about: name, among: known)
                throw Problem(
                    .badRequest, "unknown key '\(name)' in policy",
                    remedy: near ?? "known keys are \(known.joined(separator: ", "))")
            }
            guard !value.texts.isEmpty, key.takesSeveral || value.texts.count == 1 else {
                throw Problem(
                    .badRequest, "policy.\(name) has \(value.texts.count) values",
                    remedy: key.takesSeveral ? "send at least one, or omit it" : "send one value, not a list")
            }
            policy[key] = value.texts
        }
        self.policy = policy
        fingerprint = try Self.fingerprint(
            ["\(deployed)", gitSHA?.hex ?? "", digest?.description ?? ""] + (image.map { ["image=\($0)"] } ?? [])
                + (change.map { ["change=\($0.rawValue)"] } ?? [])
                + policy.flatMap { key, texts in texts.map { "\(key.rawValue)=\($0)" } }.sorted(), content)
    }

    private static func fingerprint(_ parts: [String], _ content: PromotedContent?) throws(Problem) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        do {
            let encoded = try content.map { Array(try encoder.encode($0)) } ?? []
            return Hexadecimal.encode(SHA256.hash(parts.withLengths + encoded))
        } catch {
            throw Problem(.badRequest, "the content cannot be read", remedy: "omit content")
        }
    }

    /// The fleet's policy and its check of the inventory, with the request's values.
    ///
    /// - Throws: ``Problem`` for a value that is invalid, that no fleet could meet, or that is laxer than the fleet's.
    func policy(
        stricterThan fleet: StandingFleet, for inventory: Inventory
    ) throws(Problem) -> (Policy, InventoryCheck) {
        var (policy, check) = (fleet.policy, fleet.inventoryCheck)
        // What the fleet's own policy has is not the request's mistake.
        var (own, ownCheck) = (Policy(), InventoryCheck())
        for (key, texts) in sortedPolicy {
            let shown = texts.joined(separator: ", ")
            do throws(PolicyKey.ValueError) {
                try key.set(texts, in: &policy, &check)
                try key.set(texts, in: &own, &ownCheck)
            } catch {
                throw Problem(.badRequest, error.text("policy.\(key.rawValue)", shown), remedy: "correct the value")
            }
            if key == .require {
                policy.require = fleet.policy.require + own.require.filter { !fleet.policy.require.contains($0) }
            }
            guard !key.isLaxer((policy, check), than: fleet, hosts: inventory.hosts) else {
                throw Problem(
                    .badRequest, "policy.\(key.rawValue) \(shown) is laxer than the fleet's",
                    remedy: "omit it, or change the fleet's policy at the service: a request can only make it stricter")
            }
        }
        if !inventory.listed.isEmpty {
            do throws(UsageError) { try PolicyCheck(own, inventory, naming: .keys).check() } catch {
                throw Problem(.badRequest, "\(error)", remedy: "correct the value")
            }
        }
        guard policy.interval >= min(fleet.policy.interval, Self.shortestInterval) else {
            throw Problem(
                .badRequest, "policy.interval \(policy.interval.brief) is too short",
                remedy: "ask for \(Self.shortestInterval.brief) or more, to spare the hosts")
        }
        guard policy.soak < policy.timeout else {
            throw Problem(
                .badRequest, "policy.soak \(policy.soak.brief) does not fit into timeout \(policy.timeout.brief)",
                remedy: "ask for a shorter soak")
        }
        return (policy, check)
    }

    private var sortedPolicy: [(PolicyKey, [String])] { policy.sorted { $0.key.rawValue < $1.key.rawValue } }
}

extension PolicyKey {
    /// True if a policy demands less than the fleet's, or might.
    fileprivate func isLaxer(
        _ asked: (policy: Policy, check: InventoryCheck), than fleet: StandingFleet, hosts: [ExpectedHost]
    ) -> Bool {
        let (policy, own) = (asked.policy, fleet.policy)
        let count = hosts.count { !$0.isWaived }
        return switch self {
        // A deadline that is nearer makes nothing green, and more soak is more proof.
        case .timeout: policy.timeout > own.timeout
        case .soak: policy.soak < own.soak
        case .stall: policy.stall > own.stall
        case .interval: policy.interval > own.interval
        case .requestTimeout: policy.requestTimeout > own.requestTimeout
        case .failAfter: policy.failAfter > own.failAfter
        case .maxStragglers: !policy.stragglers.isWithin(own.stragglers, for: hosts)
        case .maxUnreachable: !policy.unreachable.isWithin(own.unreachable, for: hosts)
        case .maxFailed: !policy.failed.isWithin(own.failed, for: hosts)
        case .minProven: policy.minProven.limit(of: count) < own.minProven.limit(of: count)
        // The fleet's requirements stay.
        case .require: false
        case .minHosts: asked.check.minimumHosts < fleet.inventoryCheck.minimumHosts
        case .maxShrink: asked.check.maximumShrinkPercent > fleet.inventoryCheck.maximumShrinkPercent
        }
    }
}

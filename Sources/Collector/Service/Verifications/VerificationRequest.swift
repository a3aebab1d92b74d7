import CollectorSupport
import Foundation
import HTTPTypes
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
    /// How often a request can have each host asked, unless the fleet's policy asks more often.
    private static let shortestInterval = Duration.milliseconds(500)

    /// The values as the body states them.
    let policy: [PolicyKey: String]
    /// A hash of everything that the request asks for.
    let fingerprint: String

    private struct Body: Decodable {
        let service: String
        let environment: String?
        let gitSHA: String?
        let digest: String?
        let image: String?
        let content: PromotedContent?
        let policy: [String: Value]?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case service, environment, digest, image, content, policy
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
        var policy: [PolicyKey: String] = [:]
        for (name, value) in body.policy ?? [:] {
            guard let key = PolicyKey(rawValue: name) else {
                let known = PolicyKey.allCases.map(\.rawValue)
                let near = Suggestion.question(about: name, among: known)
                throw Problem(
                    .badRequest, "unknown key '\(name)' in policy",
                    remedy: near ?? "known keys are \(known.joined(separator: ", "))")
            }
            policy[key] = value.text
        }
        self.policy = policy
        fingerprint = try Self.fingerprint(
            ["\(deployed)", gitSHA?.hex ?? "", digest?.description ?? ""] + (image.map { ["image=\($0)"] } ?? [])
                + policy.map { "\($0.rawValue)=\($1)" }.sorted(), content)
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

    /// The fleet's policy with the request's values.
    ///
    /// - Throws: ``Problem`` for a value that is invalid, or laxer than the fleet's.
    func policy(stricterThan fleet: Policy, hosts: Int) throws(Problem) -> Policy {
        var policy = fleet
        for (key, value) in sortedPolicy {
            do throws(PolicyKey.ValueError) { try key.set(value, in: &policy) } catch {
                throw Problem(.badRequest, error.text("policy.\(key.rawValue)", value), remedy: "correct the value")
            }
            guard !key.isLaxer(policy, than: fleet, hosts: hosts) else {
                throw Problem(
                    .badRequest, "policy.\(key.rawValue) \(value) is laxer than the fleet's",
                    remedy: "omit it, or ask for more: a request can only make the fleet's policy stricter")
            }
        }
        guard policy.interval >= min(fleet.interval, Self.shortestInterval) else {
            throw Problem(
                .badRequest, "policy.interval \(policy.interval.brief) is too short",
                remedy: "ask for \(Self.shortestInterval.brief) or more, to spare the hosts")
        }
        guard policy.soak < policy.timeout else {
            throw Problem(
                .badRequest, "policy.soak \(policy.soak.brief) does not fit into timeout \(policy.timeout.brief)",
                remedy: "ask for a shorter soak")
        }
        return policy
    }

    private var sortedPolicy: [(PolicyKey, String)] { policy.sorted { $0.key.rawValue < $1.key.rawValue } }
}

extension PolicyKey {
    /// True if a policy demands less than the fleet's, or might.
    fileprivate func isLaxer(_ policy: Policy, than fleet: Policy, hosts: Int) -> Bool {
        switch self {
        // A deadline that is nearer makes nothing green, and more soak is more proof.
        case .timeout: policy.timeout > fleet.timeout
        case .soak: policy.soak < fleet.soak
        case .stall: policy.stall > fleet.stall
        case .interval: policy.interval > fleet.interval
        case .requestTimeout: policy.requestTimeout > fleet.requestTimeout
        case .failAfter: policy.failAfter > fleet.failAfter
        case .maxStragglers: policy.maxStragglers.limit(of: hosts) > fleet.maxStragglers.limit(of: hosts)
        case .maxUnreachable: policy.maxUnreachable.limit(of: hosts) > fleet.maxUnreachable.limit(of: hosts)
        case .maxFailed: policy.maxFailed.limit(of: hosts) > fleet.maxFailed.limit(of: hosts)
        case .minProven: policy.minProven.limit(of: hosts) < fleet.minProven.limit(of: hosts)
        }
    }
}

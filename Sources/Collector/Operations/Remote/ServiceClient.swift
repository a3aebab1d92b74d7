import CollectorSupport
import FoundationEssentials
import Shared
import Transfer
import Verdict

/// Single requests to a collector service, with checks that each answer is one of a collector service.
///
/// Redirects are not followed, because they would send the token elsewhere.
struct ServiceClient: Sendable {
    let address: ServiceAddress
    let identity: ServiceIdentity
    let certificateAuthorities: String?
    let web: WebClient

    private static let requestTimeout = Duration.seconds(15)
    /// The service has 30 seconds to ask a registry for an image.
    private static let imageTimeout = Duration.seconds(45)
    /// The longest time that the service is asked to hold an answer. Proxies end requests that take a minute.
    static let hold = Duration.seconds(20)

    /// A verification as `POST` and `GET` answer it.
    struct State: Decodable {
        let id: String
        let state: String
        let report: Summary?

        var isFinished: Bool { state == "finished" }
    }

    /// The parts of a report that the replay must agree with.
    struct Summary: Decodable {
        struct Evidence: Decodable {
            let hash: String
        }

        let verdict: String
        let exitCode: Int32
        let warnings: [String]
        let evidence: Evidence?

        enum CodingKeys: String, CodingKey {
            case verdict, warnings, evidence
            case exitCode = "exit_code"
        }
    }

    /// Bytes of evidence.
    struct Part {
        let bytes: [UInt8]
        /// The size of the whole evidence; nil while it is being written.
        let end: Int?
    }

    private struct Problem: Decodable {
        let detail: String
        let remedy: String?
        let verdict: String?
    }

    // MARK: - Requests

    /// - Parameter readsImage: true if the service asks a registry before it answers.
    /// - Returns: the verification, and true if this request has started it.
    func start(
        _ body: [UInt8], key: RunKey, readsImage: Bool
    ) async throws(RequestFailure) -> (state: State, isNew: Bool) {
        let response = try await send(
            .post(.init(mediaType: "application/json", bytes: body)), "", [("Idempotency-Key", key.text)],
            expecting: [200, 201], within: readsImage ? Self.imageTimeout : Self.requestTimeout)
        let state = try decoded(response)
        guard (1...64).contains(state.id.utf8.count),
            state.id.utf8.allSatisfy({ $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "-") })
        else { throw foreign("answered with another id than a verification's") }
        return (state, response.status == 201)
    }

    /// Requires that ``start(_:key:readsImage:)`` would start a verification.
    func check(_ body: [UInt8]) async throws(RequestFailure) {
        _ = try await send(
            .post(.init(mediaType: "application/json", bytes: body)), "?dry_run=true", [], expecting: [204])
    }

    func state(of id: String, hold: Duration) async throws(RequestFailure) -> State {
        let response = try await send(.get, "/\(id)?hosts=false", [prefer(hold)], expecting: [200], hold: hold)
        let state = try decoded(response)
        guard state.id == id else { throw foreign("answered about another verification") }
        return state
    }

    /// The evidence from an offset in bytes; empty if there is nothing new within the hold.
    func evidence(of id: String, from offset: Int, hold: Duration) async throws(RequestFailure) -> Part {
        let response = try await send(
            .get, "/\(id)/evidence.ndjson?offset=\(offset)", [prefer(hold)], expecting: [200], hold: hold)
        guard response.headers["buildinfo-offset"] == "\(offset)" else {
            throw foreign("answered without the evidence that was asked for")
        }
        var end: Int?
        if let text = response.headers["buildinfo-end"] {
            guard let size = Int(text), size >= offset + response.body.count else {
                throw foreign("answered with evidence beyond its end")
            }
            end = size
        }
        return Part(bytes: response.body, end: end)
    }

    /// - Returns: false if the verification is over.
    func interrupt(_ id: String, signal: Int32, within limit: Duration) async throws(RequestFailure) -> Bool {
        let response = try await send(
            .delete, "/\(id)?signal=\(signal)", [], expecting: [202, 409], within: limit)
        return response.status == 202
    }

    private func prefer(_ hold: Duration) -> (String, String) { ("Prefer", "wait=\(hold.components.seconds)") }

    private func send(
        _ method: TransferRequest.Method, _ path: String, _ headers: [(String, String)], expecting: Set<Int>,
        hold: Duration = .zero, within limit: Duration = ServiceClient.requestTimeout
    ) async throws(RequestFailure) -> TransferResponse {
        let token = try await identity.token(web, within: limit)
        let request = WebRequest(
            method, url: "\(address)/api/v1/verifications\(path)",
            headers: [("Accept", "application/json, application/x-ndjson, application/problem+json")]
                + headers.map { (name: $0.0, value: $0.1) },
            within: limit + hold,
            access: RequestCredentials(
                bearerToken: token, certificateAuthorities: certificateAuthorities, usesProxy: !address.isPlain))
        let response: TransferResponse
        do throws(TransferFailure) {
            response = try await web.send(request)
        } catch {
            throw Self.failure(error)
        }
        guard !expecting.contains(response.status) else { return response }
        throw failure(response)
    }

    // MARK: - Answers

    private func decoded(_ response: TransferResponse) throws(RequestFailure) -> State {
        do {
            return try JSONDecoder().decode(State.self, from: Data(response.body))
        } catch {
            throw foreign("answered with something else than a verification")
        }
    }

    private func foreign(_ what: String) -> RequestFailure {
        .foreign("\(address) \(what): check --server, and for a proxy or a login page in front of the service")
    }

    private static func failure(_ failure: TransferFailure) -> RequestFailure {
        switch failure {
        case .tls(let detail):
            .final(
                .foreign(
                    "TLS with the service failed (\(detail)): give the authority of its certificate with --server-ca"))
        case .cancelled: .final(.foreign("the request to the service was cancelled"))
        case .timeout, .dns, .refused, .protocolError, .local, .tooLarge: .transient("no response (\(failure.detail))")
        }
    }

    private func failure(_ response: TransferResponse) -> RequestFailure {
        let status = response.status
        let type = (response.headers["content-type"] ?? "").prefix { $0 != ";" }
        var problem: Problem?
        if type == "application/problem+json" {
            do { problem = try JSONDecoder().decode(Problem.self, from: Data(response.body)) } catch { problem = nil }
        }
        let detail = problem.map { problem in
            Sanitizer.singleLine(
                [problem.detail, problem.remedy].compactMap { $0 }.joined(separator: ": "), limit: 600)
        }
        switch status {
        case 401 where identity.isRenewable && detail != nil:
            identity.forget()
            return .rejected(detail ?? "")
        case 401 where problem != nil && identity.remedy != nil:
            let reason = Sanitizer.singleLine(problem?.detail ?? "", limit: 300)
            return .final(.denied("\(reason): \(identity.remedy ?? "")"))
        case 401, 403:
            return .final(
                .denied(
                    detail ?? "\(status) from a server in front of the service: give a token that it accepts with "
                        + "--server-token-file"))
        case 300..<400:
            let goal = response.headers["location"].map { " to \(Sanitizer.singleLine($0, limit: 100))" } ?? ""
            return .final(
                .foreign("\(address) redirects\(goal), which is not followed: give the service's own address"))
        case 408, 429, 500...599: return .transient("\(status)\(detail.map { ": \($0)" } ?? "")")
        default:
            guard let detail else {
                return .final(
                    .foreign("\(address) answered \(status) without the API of a collector service: check --server"))
            }
            if let verdict = problem?.verdict.flatMap(Verdict.init(rawValue:)), verdict.isRefusal {
                return .final(.inventory(verdict, detail))
            }
            return .final(.refused(status: status, detail: detail))
        }
    }
}

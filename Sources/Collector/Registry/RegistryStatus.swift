import FoundationEssentials
import Shared
import Transfer

/// The meaning of a registry's status, with the specification's error codes from the body.
struct RegistryStatus: Sendable {
    private let response: TransferResponse

    init(_ response: TransferResponse) {
        self.response = response
    }

    /// Checks the response to a read.
    ///
    /// - Parameter missing: the object that a 404 reports as missing.
    func check(_ subject: String, missing: RegistryError.Missing) throws(RegistryError) {
        switch response.status {
        case 200: return
        case 404 where isPage:
            // A server in front of the registry answered.
            throw .unavailable(subject, reason: "status 404 with an HTML page: check the registry's address")
        case 404: throw .absent(subject, missing != .blob && codes.contains("NAME_UNKNOWN") ? .repository : missing)
        case 403: throw .denied(subject, reason: "these credentials do not permit it (403)")
        case 429: throw .unavailable(subject, reason: rateLimited)
        case 300..<400:
            throw .unavailable(
                subject,
                reason: "the registry redirects (\(response.status))\(redirection), which is not followed: "
                    + "use the registry it redirects to")
        default: throw .unavailable(subject, reason: "the registry answered with status \(statusAndCodes)")
        }
    }

    /// Checks the response to a write.
    func checkPut(_ subject: String) throws(RegistryError) {
        if isImmutable { throw .immutable(subject, status: response.status) }
        switch response.status {
        case 200, 201, 202, 204: return
        case 403:
            throw .refusedPut(
                subject, reason: "these credentials do not permit it, or the tag is protected (403)"
            )
        case 429: throw .refusedPut(subject, reason: rateLimited)
        case 300..<500:
            throw .refusedPut(subject, reason: "the registry answered with status \(statusAndCodes)")
        default: throw .uncertainPut(subject, reason: "the registry answered with status \(response.status)")
        }
    }

    /// True if the registry rejects a PUT because the tag exists and must not move.
    ///
    /// Registries have no common code for it; `TAG_INVALID` alone is the specification's for a tag that does not match its
    /// manifest. Publicly reported responses:
    ///
    /// | registry | status, code | message |
    /// |---|---|---|
    /// | Amazon ECR | 400 `TAG_INVALID` (API: `ImageTagAlreadyExistsException`) | cannot be overwritten because the repository is immutable |
    /// | Google Artifact Registry | 400 `MANIFEST_INVALID` | cannot update tag …. The repository has enabled tag immutability |
    /// | Harbor | 412 `PRECONDITION`; 403 `DENIED` in the first versions | configured as immutable |
    /// | Quay | 409 `TAG_IMMUTABLE` | tag … is immutable |
    /// | Azure | 405 `UNSUPPORTED`, older `REGISTRY_DISALLOWED_OPERATION`; 409 | The operation is disallowed on this registry, repository or image; locked |
    /// | Docker Hub | 403 `DENIED` | … immutable … |
    /// | Nexus, "disable redeploy" | 400 `BLOB_UPLOAD_INVALID` | does not allow updating assets; cannot be updated |
    /// | Artifactory, GitLab | 403 `DENIED` | overwrite; protected |
    private var isImmutable: Bool {
        guard (400..<500).contains(response.status), ![401, 404, 429].contains(response.status) else { return false }
        let errors = errors
        let codes = errors.compactMap { $0.code?.uppercased() }
        if codes.contains(where: Self.immutableCodes.contains) { return true }
        let text = errors.map(\.text).joined(separator: " ").lowercased()
        if response.status == 412, codes.contains("PRECONDITION"), !text.contains("quota") { return true }
        if response.status == 409, text.contains("locked") { return true }
        return Self.immutableWords.contains(where: text.contains)
    }

    private static let immutableCodes: Set<String> = [
        "TAG_IMMUTABLE", "IMAGETAGALREADYEXISTSEXCEPTION", "REGISTRY_DISALLOWED_OPERATION",
    ]
    private static let immutableWords = [
        "immutab", "cannot be overwritten", "can not be overwritten", "cannot overwrite",
        "does not allow updating assets",
        "cannot be updated", "delete/overwrite", "overwrite permission", "protected tag", "tag is protected",
        "tag already exists", "write-once", "operation is disallowed",
    ]

    private var isPage: Bool {
        response.headers["content-type"].map(RegistryMediaType.essence) == "text/html"
    }

    private var rateLimited: String {
        let pause = response.headers["retry-after"].map { ", Retry-After \(Sanitizer.singleLine($0, limit: 40))" }
        return "rate limited by the registry (429\(pause ?? ""))"
    }

    private var redirection: String {
        response.headers["location"].flatMap { WebOrigin($0) }.map {
            " to \(Sanitizer.singleLine($0.shown, limit: 100))"
        } ?? ""
    }

    private var statusAndCodes: String {
        codes.isEmpty ? "\(response.status)" : "\(response.status) (\(codes.joined(separator: ", ")))"
    }

    /// The specification's codes in the body. Other text of a registry is never repeated, since it may hold anything.
    private var codes: [String] { Set(errors.compactMap(\.code)).intersection(Self.known).sorted() }

    /// An error in the body.
    private struct BodyError: Decodable {
        var code: String?
        var message: String?
        /// All further text: each registry has its own structure.
        var detail: String?

        var text: String { [message, detail].compactMap(\.self).joined(separator: " ") }

        enum CodingKeys: String, CodingKey { case code, message, detail, description }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            func text(_ key: CodingKeys) -> String? {
                if let text = try? container.decode(String.self, forKey: key) { return text }
                guard let texts = try? container.decode([String: String].self, forKey: key) else { return nil }
                return texts.sorted { $0.key < $1.key }.map(\.value).joined(separator: " ")
            }
            (code, message) = (text(.code), text(.message))
            detail = [text(.detail), text(.description)].compactMap(\.self).joined(separator: " ")
        }
    }

    /// The errors in the body; empty if it cannot be read.
    private var errors: [BodyError] {
        struct Wire: Decodable { var errors: [BodyError]? }
        guard response.body.count <= 64 << 10,
            let wire = try? JSONDecoder().decode(Wire.self, from: Data(response.body))
        else { return [] }
        return Array((wire.errors ?? []).prefix(100))
    }

    private static let known: Set<String> = [
        "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DENIED", "DIGEST_INVALID",
        "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID",
        "TAG_INVALID", "TOOMANYREQUESTS", "UNAUTHORIZED", "UNSUPPORTED",
    ]
}

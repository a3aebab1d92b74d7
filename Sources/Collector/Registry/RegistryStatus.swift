import FoundationEssentials
import Shared
import Transfer

/// What a registry's status means, with the specification's error codes where the body has any.
package struct RegistryStatus: Sendable {
    private let response: TransferResponse

    init(_ response: TransferResponse) {
        self.response = response
    }

    /// For reading.
    ///
    /// - Parameter missing: what it is that a 404 says is not there.
    func check(_ subject: String, missing: RegistryError.Missing) throws(RegistryError) {
        switch response.status {
        case 200: return
        case 404 where isPage:
            // Something in front of the registry does not know the registry.
            throw .unavailable(subject, reason: "a page of HTML came with status 404: is this the registry's address?")
        case 404: throw .absent(subject, missing != .blob && codes.contains("NAME_UNKNOWN") ? .repository : missing)
        case 403: throw .denied(subject, reason: "the registry does not let these credentials read it (403)")
        case 429: throw .unavailable(subject, reason: "the registry asks for patience (429\(patience))")
        case 300..<400:
            throw .unavailable(
                subject,
                reason: "the registry redirects (\(response.status))\(redirection), which is not followed for it: "
                    + "name the registry that it points to")
        default: throw .unavailable(subject, reason: "the registry answered with status \(response.status)\(told)")
        }
    }

    /// For writing.
    func checkPut(_ subject: String) throws(RegistryError) {
        if isImmutable { throw .immutable(subject, status: response.status) }
        switch response.status {
        case 200, 201, 202, 204: return
        case 403:
            throw .refusedPut(
                subject, reason: "the registry does not let these credentials write it, or keeps the tag as it is (403)"
            )
        case 429: throw .refusedPut(subject, reason: "the registry asks for patience (429\(patience))")
        case 300..<500:
            throw .refusedPut(subject, reason: "the registry answered with status \(response.status)\(told)")
        default: throw .uncertainPut(subject, reason: "the registry answered with status \(response.status)")
        }
    }

    /// Whether the registry refuses a PUT because the tag is there already and must not move.
    ///
    /// Registries have no common code for it; `TAG_INVALID` alone is the specification's for a tag that does not fit its
    /// manifest. What was reported of them in public:
    ///
    /// | registry | status, code | words |
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
        // Not of every request for patience with somebody else's lock: of a tag, a manifest or an image.
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

    private var patience: String {
        response.headers["retry-after"].map { ", Retry-After \(Sanitizer.singleLine($0, limit: 40))" } ?? ""
    }

    private var redirection: String {
        response.headers["location"].flatMap { WebOrigin($0) }.map {
            " to \(Sanitizer.singleLine($0.shown, limit: 100))"
        } ?? ""
    }

    private var told: String { codes.isEmpty ? "" : " (\(codes.joined(separator: ", ")))" }

    /// The codes that the specification knows. Nothing else that a registry writes is repeated: it may hold anything.
    private var codes: [String] { Set(errors.compactMap(\.code)).intersection(Self.known).sorted() }

    /// One error of the body, as far as it is read.
    private struct Complaint: Decodable {
        var code: String?
        var message: String?
        /// Its texts, wherever they are: each registry has a shape of its own.
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

    /// Empty where the body has none that can be read.
    private var errors: [Complaint] {
        struct Wire: Decodable { var errors: [Complaint]? }
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

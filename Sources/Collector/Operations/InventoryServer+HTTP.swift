package import Inventory
import Shared
import Transfer

extension InventoryServer {
    /// A reader of Prometheus `http_sd` that uses libcurl, with the system's certificates and proxy settings.
    package static let http = InventoryServer { url, tag throws(InventoryError) in
        let source = InventorySource(argument: url).name
        let request = WebRequest(
            url: url, headers: [("Accept", "application/json")] + (tag.map { [("If-None-Match", $0)] } ?? []),
            within: within)
        let response: TransferResponse
        do {
            response = try await WebClient.with(bodyBytes: maximumBytes) { try await $0.send(request) }
        } catch let failure as TransferFailure {
            throw .unavailable(source: source, reason: "\(failure)")
        } catch {
            throw .unavailable(source: source, reason: "\(error)")
        }
        switch response.status {
        case 200: break
        case 304 where tag != nil: return nil
        case 300..<400:
            throw .unavailable(source: source, reason: "HTTP \(response.status), a redirect: give the final URL")
        default: throw .unavailable(source: source, reason: "HTTP \(response.status)")
        }
        guard let text = String(validating: response.body, as: UTF8.self) else {
            throw .unavailable(source: source, reason: "the response is not UTF-8")
        }
        return Response(text: text, tag: response.headers["etag"])
    }

    /// The time limit of one request.
    private static let within = Duration.seconds(10)
}

import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Transfer
@testable import Verdict

/// Headers and JSON of a host without an agent.
@Suite("Answers of hosts without an agent")
struct StoredAnswerTests {
    private static func headers(_ lines: [(String, String)]) -> TransferHeaders {
        var answer = TransferAnswer()
        let text = ["HTTP/1.1 200 OK"] + lines.map { "\($0): \($1)" } + [""]
        for line in text {
            let bytes = Array("\(line)\r\n".utf8)
            _ = bytes.withUnsafeBytes { answer.receiveHeader($0, limits: TransferLimits(openFiles: 1_024)) }
        }
        return answer.headers
    }

    private static func plain(_ json: String, _ lines: (String, String)...) -> PlainAnswer? {
        guard
            case .plain(let answer) = ResponseDecoder().read(
                status: 200, headers: headers(lines), body: Array(json.utf8))
        else { return nil }
        return answer
    }

    private static let body = "{\"git_sha\":\"\(String(repeating: "a", count: 40))\"}"

    @Test(
        "Field 5: headers that reveal a possibly cached response",
        arguments: [
            ("Age", "900"), ("Age", "1"), ("Age", "0.5"), ("Age", "soon"), ("Age", "-3"), ("X-Cache", "HIT"),
            ("x-cache", "hit"),
            ("X-Cache", "Hit from cloudfront"), ("X-Cache", "RefreshHit from cloudfront"), ("X-Cache", "MISS, HIT"),
            ("X-Cache", "HIT, MISS"), ("X-Cache", "TCP_MEM_HIT from a23"), ("CF-Cache-Status", "HIT"),
            ("CF-Cache-Status", "STALE"), ("CF-Cache-Status", "UPDATING"), ("CF-Cache-Status", "REVALIDATED"),
            ("X-Cache-Hits", "3"), ("X-Cache-Hits", "0, 2"), ("X-Varnish", "32770 3"), ("X-Proxy-Cache", "HIT"),
            ("X-Cache-Status", "HIT"), ("X-Cache-Status", "STALE"), ("X-Vercel-Cache", "HIT"),
            ("X-Nextjs-Cache", "STALE"),
            ("CDN-Cache", "HIT"), ("X-Rack-Cache", "fresh"), ("X-Drupal-Cache", "HIT"), ("X-FastCGI-Cache", "HIT"),
            ("Cache-Status", "ExampleCache; hit; ttl=30"), ("Cache-Status", "Origin; fwd=uri-miss, Edge; hit"),
            ("Cache-Status", "Edge; fwd=stale; fwd-status=304"), ("Cache-Status", "Edge; fwd=miss; collapsed"),
            ("Warning", "110 - \"Response is Stale\""), ("Warning", "199 - \"x\", 111 - \"Revalidation Failed\""),
        ])
    func storedBy(name: String, value: String) throws {
        let answer = try #require(Self.plain(Self.body, (name, value)))
        #expect(answer.stored != nil)
        #expect(answer.stored?.lowercased().hasPrefix(name.lowercased()) == true)
    }

    @Test(
        "Field 5: headers that do not reveal a cached response",
        arguments: [
            ("Age", "0"), ("X-Cache", "MISS"), ("X-Cache", "MISS from squid"),
            ("X-Cache-Lookup", "HIT from squid:3128"),
            ("CF-Cache-Status", "DYNAMIC"), ("CF-Cache-Status", "EXPIRED"), ("CF-Cache-Status", "BYPASS"),
            ("X-Cache-Hits", "0"), ("X-Cache-Hits", "0, 0"), ("X-Varnish", "32770"), ("X-Varnish", "32770, 3"),
            ("Cache-Control", "max-age=3600, stale-while-revalidate=60"), ("CDN-Cache-Control", "stale-if-error=600"),
            ("Surrogate-Cache-Control", "fresh"), ("Cache-Status", "ExampleCache; fwd=miss; stored"),
            ("Via", "1.1 varnish"),
            ("Warning", "214 - \"Transformation Applied\""), ("X-Cache-Key", "hit"), ("Server", "cache-hit"),
        ])
    func freshBy(name: String, value: String) throws {
        #expect(try #require(Self.plain(Self.body, (name, value))).stored == nil)
    }

    @Test("Repeated headers all count")
    func repeated() throws {
        let answer = try #require(Self.plain(Self.body, ("X-Cache", "MISS"), ("X-Cache", "HIT")))
        #expect(answer.stored == "X-Cache: MISS, HIT")
    }

    @Test("The number of kept headers is limited")
    func bounded() {
        let headers = Self.headers((0..<100).map { ("X-Cache-\($0)", "MISS") })
        #expect(headers.all.count <= TransferLimits(openFiles: 1_024).keptByWord)
    }

    @Test("Field 5: an Age counts for documents, too, and never makes one newer")
    func documents() throws {
        let document = Answer(age: 1.5).document(host: 0, nonce: "n")
        let body = Array(try JSONEncoder().encode(document))
        for (age, expected) in [("900", 900.0), ("1", 1.5), ("0", 1.5), ("soon", 1.5)] {
            guard
                case .document(let read) = ResponseDecoder().read(
                    status: 200, headers: Self.headers([("Age", age)]), body: body)
            else {
                Issue.record("no document")
                return
            }
            #expect(read.ageSeconds == expected)
        }
        let unchanged = ResponseValidators(
            status: 304, headers: Self.headers([("Buildinfo-Age", "0.5"), ("Age", "40")]))
        #expect(unchanged.age == 40)
    }

    @Test("A valid Date is read, and any other text is not")
    func dates() {
        #expect(HTTPDate.seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0)
        #expect(HTTPDate.seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(Self.plain(Self.body, ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"))?.date == 784_111_777)
        for text in [
            "", "now", "Sun, 06 Nov 1994 08:49:37 CET", "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
        ] {
            #expect(HTTPDate.seconds(text) == nil, "\(text)")
        }
    }

    @Test(
        "Field 24: the state in a plain response",
        arguments: [
            (#""state":"serving""#, ServiceState.serving, nil), (#""state":"running""#, .serving, nil),
            (#""state":"starting""#, .starting, "state: starting"), (#""state":"exited""#, .exited, "state: exited"),
            (#""state":"Unhealthy""#, .unhealthy, "state: Unhealthy"),
            (#""state":"drained""#, .starting, "state: drained"),
            (#""state":3"#, .starting, "state: 3"), (#""state":{}"#, .starting, "state: something else"),
            (#""state":null"#, nil, nil),
            (#""status":"ok""#, nil, nil), (#""status":"production""#, nil, nil), (#""status":200"#, nil, nil),
            (#""status":"down""#, .starting, "status: down"), (#""status":"ERROR""#, .starting, "status: ERROR"),
            (#""status":503"#, .starting, "status: 503"), (#""status":false"#, .starting, "status: false"),
            (#""healthy":false"#, .unhealthy, "healthy: false"), (#""healthy":true"#, nil, nil),
            (#""health":"unhealthy""#, .unhealthy, "health: unhealthy"), (#""ready":false"#, .starting, "ready: false"),
            (#""health":{"status":"fail"}"#, .starting, "health: fail"), (#""health":{"db":"ok"}"#, nil, nil),
            (#""unhealthy":true"#, .unhealthy, "unhealthy: true"), (#""unhealthy":false"#, nil, nil),
            (#""error":"db down""#, .starting, "error: db down"), (#""error":null"#, nil, nil),
            (#""error":"""#, nil, nil),
            (#""error":{"code":7}"#, .starting, "error: something else"),
            (#""state":"serving","healthy":false"#, .unhealthy, "healthy: false"), (#""version":"1.2""#, nil, nil),
        ] as [(String, ServiceState?, String?)])
    func states(json: String, state: ServiceState?, text: String?) throws {
        let answer = try #require(Self.plain("{\"git_sha\":\"\(String(repeating: "a", count: 40))\",\(json)}"))
        #expect(answer.state == state)
        #expect(answer.stateText == text)
        #expect(answer.problem == nil)
    }

    @Test(
        "Field 24: the build in a plain response",
        arguments: [
            (#""service":"worker""#, "worker", false), (#""service":null"#, nil, false),
            (#""service":["canvas"]"#, nil, true),
            (#""dirty":true"#, nil, true), (#""git_dirty":true"#, nil, true), (#""dirty":false"#, nil, false),
            (#""instances":[{"state":"exited"}]"#, nil, true), (#""instances":[]"#, nil, true),
            (#""age_seconds":-1"#, nil, true), (#""age_seconds":"old""#, nil, true),
            // A host must not set fields of the evidence.
            (#""stored":"X-Cache: HIT","defect":"x""#, nil, false),
        ] as [(String, String?, Bool)])
    func builds(json: String, service: String?, isDefective: Bool) throws {
        let answer = try #require(Self.plain("{\"git_sha\":\"\(String(repeating: "a", count: 40))\",\(json)}"))
        #expect(answer.service == service)
        #expect((answer.problem != nil) == isDefective)
        #expect(answer.stored == nil)
    }

    @Test("Older evidence can still be read, and new evidence reads back")
    func evidence() throws {
        let before = Data("{\"git_sha\":\"\(String(repeating: "a", count: 40))\",\"nonce\":\"n\"}".utf8)
        #expect(
            try JSONDecoder().decode(PlainAnswer.self, from: before)
                == PlainAnswer(gitSHA: .known(.of("a")), nonce: "n"))
        let full = PlainAnswer(
            gitSHA: .known(.of("a")), nonce: "n", service: "canvas", state: .exited, stateText: "state: exited",
            problem: "x",
            ageSeconds: 1.5, stored: "Age: 2", date: 7)
        #expect(try JSONDecoder().decode(PlainAnswer.self, from: JSONEncoder().encode(full)) == full)
    }
}

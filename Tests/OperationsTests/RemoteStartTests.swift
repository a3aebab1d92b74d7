import Shared
import Testing
import Transfer

@testable import Operations
@testable import Verdict

/// The request that comes before a tag is moved for a service's verification.
@Suite("A service is asked before anything is changed", .timeLimit(.minutes(1)))
struct RemoteStartTests {
    private static func remote(_ web: WebClient, grace: Duration) throws -> RemoteVerification {
        var remote = RemoteVerification(
            address: try ServiceAddress(parsing: "http://127.0.0.1:1"),
            identity: try ServiceIdentity(file: nil, environment: [:]), certificateAuthorities: nil, web: web,
            policy: [:], timeout: .seconds(5), environment: [:])
        (remote.grace, remote.silence) = (grace, .zero)
        return remote
    }

    private static let target = Result { try GitSHA(parsing: String(repeating: "a", count: 40)) }.map {
        Target(service: "canvas", gitSHA: $0)
    }

    @Test("A service that is away is waited for, in words")
    func away() async throws {
        let target = try Self.target.get()
        let (sentences, say) = AsyncStream.makeStream(of: String.self)
        try await WebClient.with { web in
            let remote = try Self.remote(web, grace: .seconds(60))
            let waiting = Task { try await remote.check(target, of: .promotion) { say.yield($0) } }
            var said = sentences.makeAsyncIterator()
            let sentence = await said.next() ?? ""
            #expect(sentence.hasPrefix("http://127.0.0.1:1 gives no usable answer: no response"), "\(sentence)")
            waiting.cancel()
            await #expect(throws: (any Error).self) { try await waiting.value }
        }
    }

    @Test("A service that stays away ends the run with 69, before anything is changed")
    func lost() async throws {
        let target = try Self.target.get()
        let error = await #expect(throws: ServiceError.self) {
            try await WebClient.with { web in
                try await Self.remote(web, grace: .zero).check(target, of: .promotion, announce: { _ in })
            }
        }
        #expect(error?.exitCode == 69)
        #expect(error?.description.contains("nothing is proven") == true, "\(error?.description ?? "")")
    }
}

import Glibc
import Testing

@testable import CollectorSupport

@Suite("Output to a reader that stops", .timeLimit(.minutes(1)))
struct StreamWriterTests {
    /// A pipe with room for 4,096 bytes.
    private struct Pipe {
        let reading: Int32
        let writing: Int32

        init() throws {
            var ends: [Int32] = [-1, -1]
            try #require(pipe(&ends) == 0)
            (reading, writing) = (ends[0], ends[1])
            // F_SETPIPE_SZ
            try #require(fcntl(writing, 1_031, 4_096) == 4_096)
        }

        func read(_ count: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            var rest = 0
            while rest < count {
                let got = bytes.withUnsafeMutableBytes {
                    Glibc.read(reading, $0.baseAddress?.advanced(by: rest), count - rest)
                }
                guard got > 0 else { break }
                rest += got
            }
            return bytes
        }
    }

    private static let brief = Duration.milliseconds(20)
    /// Longer than the test may take.
    private static let forever = Duration.seconds(3_600)

    @Test("What is read is written when the call returns")
    func ordinary() throws {
        let pipe = try Pipe()
        let writer = StreamWriter(descriptor: pipe.writing)
        #expect(writer.write([1, 2, 3], patience: Self.forever, insists: false) == 0)
        #expect(pipe.read(3) == [1, 2, 3])
        #expect(!writer.isStopped)
    }

    @Test("A reader that stopped is not waited for again, and gets everything in order once it reads")
    func stopped() throws {
        let pipe = try Pipe()
        let writer = StreamWriter(descriptor: pipe.writing)
        let first = (0..<10_000).map { UInt8($0 % 251) }
        #expect(writer.write(first, patience: Self.brief, insists: false) == ETIMEDOUT)
        #expect(writer.isStopped)
        // Without the rule, these would not return.
        for byte in 0..<100 {
            #expect(writer.write([UInt8(byte)], patience: Self.forever, insists: false) == ETIMEDOUT)
        }
        #expect(pipe.read(10_100) == first + (0..<100).map { UInt8($0) })
        #expect(writer.write([7], patience: Self.forever, insists: true) == 0)
        #expect(!writer.isStopped)
        #expect(pipe.read(1) == [7])
    }

    @Test("Only a limited amount waits, a write at a time")
    func limit() throws {
        let pipe = try Pipe()
        let writer = StreamWriter(descriptor: pipe.writing)
        let piece = [UInt8](repeating: 1, count: 100_000)
        for _ in 0..<30 { #expect(writer.write(piece, patience: Self.brief, insists: false) == ETIMEDOUT) }
        // A little more than the limit of 1 MiB.
        #expect(pipe.read(1_100_000).allSatisfy { $0 == 1 })
        #expect(writer.write([2], patience: Self.forever, insists: true) == 0)
        #expect(pipe.read(1) == [2])
    }

    @Test("A closed pipe is named, and so is a descriptor that cannot be written")
    func closed() throws {
        let pipe = try Pipe()
        close(pipe.reading)
        signal(SIGPIPE, SIG_IGN)
        #expect(StreamWriter(descriptor: pipe.writing).write([1], patience: Self.forever, insists: true) == EPIPE)
        let null = open("/dev/null", O_RDONLY)
        #expect(StreamWriter(descriptor: null).write([1], patience: Self.forever, insists: true) == EBADF)
        close(null)
    }
}

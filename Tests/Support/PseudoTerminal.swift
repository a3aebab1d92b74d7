internal import Foundation
internal import Glibc

/// A terminal without a screen: what a program writes to it can be read, and its size can be changed.
public final class PseudoTerminal {
    /// The end that a program writes to.
    public let slave: Int32
    private let master: Int32

    public init(columns: Int = 80, rows: Int = 24) throws {
        var (master, slave) = (Int32(-1), Int32(-1))
        guard openpty(&master, &slave, nil, nil, nil) == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        _ = fcntl(master, F_SETFL, O_NONBLOCK)
        _ = fcntl(master, F_SETFD, FD_CLOEXEC)
        (self.master, self.slave) = (master, slave)
        resize(columns: columns, rows: rows)
    }

    /// The path of the end that a program writes to.
    public var path: String {
        get throws {
            guard let name = ttyname(slave) else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
            return String(cString: name)
        }
    }

    public func resize(columns: Int, rows: Int) {
        var size = winsize()
        (size.ws_col, size.ws_row) = (UInt16(columns), UInt16(rows))
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    }

    /// Types on the keyboard.
    public func type(_ text: String) {
        var bytes = Array(text.utf8)
        _ = write(master, &bytes, bytes.count)
    }

    /// Writes zero bytes until the terminal takes no more before it is read. ``read()`` leaves them out.
    public func fill() throws {
        let descriptor = open(try path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard descriptor >= 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        defer { close(descriptor) }
        let bytes = [UInt8](repeating: 0, count: 1024)
        while write(descriptor, bytes, bytes.count) > 0 {}
    }

    /// Everything that was written since the last call.
    public func read() -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = Glibc.read(master, &buffer, buffer.count), count > 0 {
            bytes += buffer.prefix(count).filter { $0 != 0 }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    deinit {
        close(slave)
        close(master)
    }
}

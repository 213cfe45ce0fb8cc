// SPDX-License-Identifier: Apache-2.0

extension StartPage {
    static let style = #"""
        """#
}

/* A program that does nothing: what a start costs at least. SPDX-License-Identifier: Apache-2.0 */
int main(void) { return 0; }

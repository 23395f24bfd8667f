#include "unit.h"

CU_TestInfo token_md5_tests[] = {
	CU_TEST_INFO_NULL,
};

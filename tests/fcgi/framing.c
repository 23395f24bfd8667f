#include "unit.h"

CU_TestInfo fcgi_framing_tests[] = {
	CU_TEST_INFO_NULL,
};
